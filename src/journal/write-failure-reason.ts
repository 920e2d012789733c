import { EngineError } from "./journal.js";
import { systemCodeOf } from "./system-code.js";

/** Why a write failed, as the end of a sentence, for every client; undefined if that is unknown. Names no path. */
export function writeFailureReason(error: unknown): string | undefined {
  if (error instanceof EngineError) return error.reason;
  const code = systemCodeOf(error);
  return code === undefined ? undefined : (REASONS[code] ?? `the system reports ${code}`);
}

const NO_PERMISSION = "the server has no permission to write to its files";
const NO_DESCRIPTOR = "no file descriptor is free";

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "a file has reached the largest size that the system allows",
  EROFS: "the disk is read-only",
  EIO: "the disk fails",
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EMFILE: NO_DESCRIPTOR,
  ENFILE: NO_DESCRIPTOR,
};
