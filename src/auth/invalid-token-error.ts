import { TidemarkError } from "../protocol/tidemark-error.js";

/** The server rejects the token when it arrives. The client does not learn the reason; the log has it. */
export class InvalidTokenError extends TidemarkError {
  readonly reason: string;
  /** The id of the token, if the server knows it. */
  readonly tokenId: string | undefined;

  constructor(reason: string, tokenId?: string) {
    super("UNAUTHENTICATED", "Invalid or expired token. Request a new one from the operator of this server.");
    this.reason = reason;
    this.tokenId = tokenId;
  }
}
