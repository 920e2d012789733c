import { TidemarkError } from "../../protocol/tidemark-error.js";

/** The message of an error, with the flags of the command line as the remedy: servers explain headers, the SDK variables. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TidemarkError && error.code === "UNAUTHENTICATED")
    return IS_MISSING.test(error.message) ? MISSING_TOKEN : REJECTED_TOKEN;
  return error.message.replace("(TIDEMARK_URL)", "(--url or TIDEMARK_URL)");
}

/** In the message of an answer, and in the reason for which the server closes a WebSocket. */
const IS_MISSING = /this server requires a token/i;

const MISSING_TOKEN = "the server requires a token: pass one with --token or TIDEMARK_TOKEN";
const REJECTED_TOKEN =
  "the server rejected the token: it is invalid, has expired or was revoked. Pass another one with --token or TIDEMARK_TOKEN";
