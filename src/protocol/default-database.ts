/** The database that server, SDK, command line and dashboard use if none is named. */
export const DEFAULT_DATABASE = "default";
