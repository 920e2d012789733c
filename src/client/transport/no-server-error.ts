import { TidemarkError } from "../../protocol/tidemark-error.js";
import { otherOriginRemedy } from "./page-origin.js";
import { isConnectionRefused, rootCauseText } from "./root-cause.js";

/**
 * The error of a request or a connection that nothing answered. It tells what to do about it.
 * @param urls those of the servers that were tried
 */
export function noServerError(urls: readonly string[], cause: unknown): TidemarkError {
  const text = rootCauseText(cause);
  const remedy = isConnectionRefused(cause)
    ? "Start one there (npx tidemark), or give another address (TIDEMARK_URL)."
    : (otherOriginRemedy(urls[0]!) ?? "Check the address (TIDEMARK_URL) and any proxy in between.");
  return new TidemarkError(
    "UNAVAILABLE",
    `No Tidemark server answers at ${urls.join(", ")} (${text}). ${remedy}`,
    {
      cause,
    },
  );
}
