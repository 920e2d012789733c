import { TidemarkError } from "../protocol/tidemark-error.js";
import { DamagedJournalError, EngineError, UnknownFormatError } from "./journal.js";
import { systemCodeOf } from "./system-code.js";

/** Why a database can't be opened, and what to do, for everyone who may see it. Names no path. */
export function unavailableReason(error: unknown): string {
  if (error instanceof UnknownFormatError || error instanceof TidemarkError) return error.message;
  if (error instanceof DamagedJournalError) return "It is damaged. An operator must repair it.";
  if (error instanceof EngineError) return `It cannot be read: ${error.reason}. Try again.`;
  const code = systemCodeOf(error);
  return code === undefined
    ? "Try again. The log has the reason."
    : `Its file cannot be used (${code}). Try again when an operator has mended that.`;
}
