/**
 * What the server tells does not fit what is held, which should never be. The remedy is to forget, and to ask for
 * the state.
 */
export class OutOfSyncError extends Error {
  override readonly name = "OutOfSyncError";
}
