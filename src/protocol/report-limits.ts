/** The default limits that the SDK keeps its reports within. A browser loads them without the other limits. */
export const REPORT_LIMITS = {
  updatesPerInputMax: 100,
  logLinesPerInputMax: 100,

  /** Bytes of UTF-8, here and below. */
  descriptionBytesMax: 256,
  messageTextBytesMax: 4_096,
};
