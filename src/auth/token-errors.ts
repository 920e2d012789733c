import { TidemarkError, unavailable } from "../protocol/tidemark-error.js";

/** The errors that a client gets because of its token. */

export function missingTokenError(): TidemarkError {
  const how = "as `Authorization: Bearer TOKEN`, or over WebSocket in the payload of connection_init";
  return new TidemarkError("UNAUTHENTICATED", `This server requires a token. Send it ${how}.`);
}

/** The token was valid when it arrived. */
export function expiredTokenError(): TidemarkError {
  return new TidemarkError("UNAUTHENTICATED", "The token expired or was revoked. Send a new one.");
}

/** The tokens file is missing, locked, invalid or read-only. The log has the reason. */
export function unsharableError(cause: unknown): TidemarkError {
  return unavailable(
    "The server cannot store a token in its tokens file now, so it cannot share the job. Its log has the reason. Try again later, or ask its operator.",
    cause,
  );
}

/** The server cannot tell whether the token is still valid. The client is not at fault. */
export function unverifiableTokenError(): TidemarkError {
  return unavailable(
    "The server cannot read its tokens file, so it rejects all tokens. An operator must make the file readable. Try again later.",
  );
}
