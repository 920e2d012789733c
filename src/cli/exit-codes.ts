import { CommanderError } from "commander";
import { ConfigError } from "../config/config-error.js";
import { TidemarkError } from "../protocol/tidemark-error.js";

/** The exit codes of the commands, listed in docs/cli.md. Scripts depend on them: a code never changes its meaning. */
export const EXIT = {
  OK: 0,
  /** Any failure without a code of its own. */
  FAILURE: 1,
  /** A flag, an argument or a setting is invalid. */
  WRONG_USAGE: 2,
  /** The job or token does not exist, or was removed. */
  NOT_FOUND: 3,
  /** The server does not answer, or is not available. */
  UNREACHABLE: 4,
  /** The server requires a valid token, or the token does not permit the operation. */
  REFUSED: 5,
  /** The watched job FAILED. */
  JOB_FAILED: 6,
  /** The watched job was CANCELED. */
  JOB_CANCELED: 7,
  /** Interrupted by Ctrl+C, or by `q` in `watch`. Not 0: a script that waits for the job must not continue. */
  INTERRUPTED: 130,
} as const;

/** Ends the command with this exit code. An empty message prints nothing. */
export class ExitError extends Error {
  override readonly name = "ExitError";

  constructor(
    readonly exitCode: number,
    message = "",
  ) {
    super(message);
  }
}

/** The exit code for an error of a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.WRONG_USAGE;
  if (error instanceof ConfigError) return EXIT.WRONG_USAGE;
  if (error instanceof ExitError) return error.exitCode;
  return error instanceof TidemarkError ? codeOf(error) : EXIT.FAILURE;
}

function codeOf({ code }: TidemarkError): number {
  switch (code) {
    case "BAD_USER_INPUT":
      return EXIT.WRONG_USAGE;
    case "NOT_FOUND":
      return EXIT.NOT_FOUND;
    case "UNAVAILABLE":
      return EXIT.UNREACHABLE;
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
      return EXIT.REFUSED;
    default:
      return EXIT.FAILURE;
  }
}
