import type { Limits } from "../protocol/limits.js";

/**
 * The least limits with which the SDK, the command line and the pages work, because their documents and ids are as
 * large. A test computes the documents' sizes. The clients adapt to every other limit.
 */
export const CLIENT_NEEDS = {
  documentBytesMax: 2_500,
  documentTokensMax: 300,
  documentDepthMax: 6,
  documentAliasesMax: 8,
  documentDirectivesMax: 1,
  queryCostMax: 150,
  /** Generated job ids and request ids. */
  nameBytesMax: 64,
  /** A subscription takes two messages. */
  messagesPerSecondMax: 2,
} as const satisfies Partial<Limits>;
