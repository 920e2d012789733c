import { TidemarkError } from "../../protocol/tidemark-error.js";
import { otherOriginRemedy } from "./page-origin.js";
import { rootCauseText } from "./root-cause.js";

/** The error of a request or a connection that nothing answered. It tells what to do about it. */
export function noServerError(url: string, cause: unknown): TidemarkError {
  const text = rootCauseText(cause);
  const remedy = text.includes("ECONNREFUSED")
    ? "Start one there (npx tidemark), or give another address (TIDEMARK_URL)."
    : (otherOriginRemedy(url) ?? "Check the address (TIDEMARK_URL) and any proxy in between.");
  return new TidemarkError("UNAVAILABLE", `No Tidemark server answers at ${url} (${text}). ${remedy}`, {
    cause,
  });
}
