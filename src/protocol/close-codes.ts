/**
 * The close codes of a WebSocket. The 44xx codes are those of the graphql-transport-ws protocol, which client
 * libraries know, except for our own SLOW_READER and LIMIT_EXCEEDED. After GOING_AWAY, SLOW_READER,
 * LIMIT_EXCEEDED and INVALID_TOKEN, reconnect and resume from your position: nothing is lost.
 */
export const CloseCode = {
  /** The server is stopping. Reconnect with your position. */
  GOING_AWAY: 1001,
  /** A message exceeds `messageBytesMax`. */
  MESSAGE_TOO_BIG: 1009,
  /** The server cannot authenticate clients, or its database server does not answer. Reconnect later with your position. */
  TRY_AGAIN_LATER: 1013,
  /** The protocol does not define this message. */
  BAD_REQUEST: 4400,
  /** The `connection_init` had no credentials, or an operation came before it. */
  UNAUTHORIZED: 4401,
  /** The token is invalid, expired or revoked. Reconnect with another token and your position. */
  INVALID_TOKEN: 4403,
  /** No `connection_init` came within `--init-timeout`. */
  INIT_TIMEOUT: 4408,
  /** The id belongs to an operation that has not completed. */
  SUBSCRIBER_ALREADY_EXISTS: 4409,
  /** The client read nothing for `--slow-reader`. Reconnect with your position: the server merges what you missed. */
  SLOW_READER: 4420,
  /** A limit was exceeded; the reason names it. Reconnect later with your position, and send fewer or smaller requests. */
  LIMIT_EXCEEDED: 4421,
  /** A defect of the server. */
  INTERNAL: 4500,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
