import { TidemarkError } from "../protocol/tidemark-error.js";

/** The server rejects the token when it arrives. The client does not learn the reason; the log has it. */
export class InvalidTokenError extends TidemarkError {
  readonly reason: string;
  /** The id of the token, if the server knows it. */
  readonly tokenId: string | undefined;

  constructor(reason: string, tokenId?: string, [code, message]: Refusal = INVALID) {
    super(code, message);
    this.reason = reason;
    this.tokenId = tokenId;
  }

  /** For a token that is valid, but grants no rights: its client may learn the reason. */
  static withoutRights(reason: string, tokenId: string): InvalidTokenError {
    const message = `The token is valid, but ${reason}. Ask an operator of this server or of the token's issuer.`;
    return new InvalidTokenError(reason, tokenId, ["FORBIDDEN", message]);
  }
}

type Refusal = readonly ["UNAUTHENTICATED" | "FORBIDDEN", string];

const INVALID: Refusal = [
  "UNAUTHENTICATED",
  "Invalid or expired token. Request a new one from the operator of this server.",
];
