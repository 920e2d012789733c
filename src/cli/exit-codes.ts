import { CommanderError } from "commander";
import { ConfigError } from "../config/config-error.js";
import { TidemarkError } from "../protocol/tidemark-error.js";

/** The exit codes of the commands, for scripts. docs/cli.md lists them: a code never changes its meaning. */
export const EXIT = {
  OK: 0,
  /** Whatever has no code of its own. */
  FAILURE: 1,
  /** A flag, an argument or a setting is wrong. */
  WRONG_USAGE: 2,
  /** There is no such job or token, or it is gone. */
  NOT_FOUND: 3,
  /** No server answers there, or it can't now. */
  UNREACHABLE: 4,
  /** The server wants to know who asks, or does not let them. */
  REFUSED: 5,
  /** The job that was waited for FAILED. */
  JOB_FAILED: 6,
  /** The job that was waited for was CANCELED. */
  JOB_CANCELED: 7,
  /** By Ctrl+C, and by q on a screen: what waited for the end of a job must not go on. */
  INTERRUPTED: 130,
} as const;

/** A command ends with this code; what is to be said has been said, unless there is a message. */
export class ExitError extends Error {
  override readonly name = "ExitError";

  constructor(
    readonly exitCode: number,
    message = "",
  ) {
    super(message);
  }
}

/** The exit code for what a command failed with. */
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
