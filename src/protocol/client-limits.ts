/**
 * The limits that the SDK keeps within, with their defaults. They are in a file of their own, so that the bundle of a
 * page does not contain the others.
 */
export const CLIENT_LIMITS = {
  queryCostMax: 200_000,
  bodyBytesMax: 1_000_000,
  inputsPerRequestMax: 1_000,
  updatesPerInputMax: 100,
  logLinesPerInputMax: 100,
  tasksPerTreeMax: 10_000,
  /** The root is the first level. */
  levelsPerTreeMax: 32,
  /** Bytes of UTF-8, as below. */
  descriptionBytesMax: 256,
  messageTextBytesMax: 4_096,
  logLinesPerJobMax: 200,
  requestIdsPerAttemptMax: 64,
};

export type ClientLimits = Readonly<typeof CLIENT_LIMITS>;
