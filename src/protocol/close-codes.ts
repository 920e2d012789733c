/**
 * Why a WebSocket was closed. The 44xx ones are those of the graphql-transport-ws protocol; a client library
 * knows them, but for SLOW_READER and LIMIT_EXCEEDED, which are ours. After GOING_AWAY, SLOW_READER, LIMIT_EXCEEDED and
 * TOKEN_NOT_GOOD come back: nothing is lost, resume with your position.
 */
export const CloseCode = {
  /** The server stops. Connect again, with your position. */
  GOING_AWAY: 1001,
  /** A message larger than `messageBytesMax`. */
  MESSAGE_TOO_BIG: 1009,
  /** It can't be found out now who asks. */
  TRY_AGAIN_LATER: 1013,
  /** A message that the protocol does not have. */
  BAD_REQUEST: 4400,
  /** Nothing that says who asks came with the `connection_init`, or something was asked before it. */
  UNAUTHORIZED: 4401,
  /** The token is not good, or no longer: it has run out or was revoked. Connect again with another, and with your position. */
  TOKEN_NOT_GOOD: 4403,
  /** No initialisation came in `--init-timeout`. */
  INIT_TIMEOUT: 4408,
  /** An id that is in use by an operation that has not completed. */
  SUBSCRIBER_ALREADY_EXISTS: 4409,
  /** Nothing was read for `--slow-reader`. Connect again, with your position: what was missed comes merged. */
  SLOW_READER: 4420,
  /** A bound was passed; the reason names it. Come back later, with your position, and ask for less at a time. */
  LIMIT_EXCEEDED: 4421,
  /** A defect of the server. */
  INTERNAL: 4500,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
