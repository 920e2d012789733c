/**
 * How long a test that polls waits between two requests, milliseconds. Without a pause it would take the time of the
 * processes that it waits for.
 */
export const POLL_MS = 5;
