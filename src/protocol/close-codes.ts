/**
 * Why a WebSocket was closed. The 44xx ones are those of the graphql-transport-ws protocol; a client library
 * knows them. `CloseCode.GOING_AWAY` is the one to come back after: nothing is lost, resume with your position.
 */
export const CloseCode = {
  /** The server stops. Connect again, with your position. */
  GOING_AWAY: 1001,
  /** A message larger than `messageBytesMax`. */
  MESSAGE_TOO_BIG: 1009,
  /** A message that the protocol does not have. */
  BAD_REQUEST: 4400,
  /** An id that is in use by an operation that has not completed. */
  SUBSCRIBER_ALREADY_EXISTS: 4409,
  /** A defect of the server. */
  INTERNAL: 4500,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
