import { spawnSync } from "node:child_process";
import { Program, PROJECT, type ProgramOptions } from "./child-process.js";

/** The user and group `nobody` of Debian. */
export const NOBODY = 65_534;

const AS_NOBODY = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", process.execPath] as const;

/** Whether the tests run as root, and `nobody` can read the built program. */
export const CAN_BE_NOBODY =
  process.getuid?.() === 0 &&
  spawnSync("setpriv", [...AS_NOBODY, "dist/main.js", "--version"], { cwd: PROJECT }).status === 0;
export const NEEDS_ROOT = "(needs root)";

/** Runs the built program as `nobody`. */
export function asNobody(args: readonly string[], options: ProgramOptions): Program {
  return new Program("setpriv", [...AS_NOBODY, "dist/main.js", ...args], options);
}
