/** The address of a server with default settings. */
export const DEFAULT_URL = "http://127.0.0.1:4000";
