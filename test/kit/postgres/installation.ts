/** The PostgreSQL and the PgBouncer of this machine, as programs of an unprivileged user. */
import { chownSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../process/child-process.js";
import { IS_FULL_LENGTH } from "../process/full-length.js";
import { NOBODY } from "../process/other-user.js";

/** Where Debian's packages have a folder for each version. */
const VERSIONS = "/usr/lib/postgresql";

/** The programs of the newest version; undefined where none is installed. */
const folder = versions()
  .map((version) => join(VERSIONS, version, "bin"))
  .findLast((path) => existsSync(join(path, "postgres")));

/** Whether PostgreSQL is installed. In CI its tests run anyway, and fail if it is missing. */
export const HAS_POSTGRES = folder !== undefined || IS_FULL_LENGTH;
export const NEEDS_POSTGRES = "(needs PostgreSQL)";

/** PostgreSQL does not run as root. */
const IS_ROOT = process.getuid?.() === 0;
const AS_NOBODY = [
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  "--clear-groups",
  // A run of the tests that is killed leaves no server behind.
  "--pdeathsig=INT",
] as const;

/** A program of PostgreSQL such as `initdb`. @param home a folder of `unprivilegedFolder` */
export function postgresProgram(name: string, args: readonly string[], home: string): Program {
  if (folder === undefined) throw new Error(`No PostgreSQL in ${VERSIONS}: install the package postgresql.`);
  return unprivileged(join(folder, name), args, home);
}

/** Runs a program as a user who is not root. @param home its working directory */
export function unprivileged(command: string, args: readonly string[], home: string): Program {
  const options = { cwd: home, env: { LC_ALL: "C" } };
  return IS_ROOT
    ? new Program("setpriv", [...AS_NOBODY, command, ...args], options)
    : new Program(command, args, options);
}

/** Resolves when the program has ended without an error. */
export async function succeeded(program: Program): Promise<void> {
  const { code } = await program.exited;
  if (code !== 0) throw new Error([...program.out, ...program.err].join("\n"));
}

/** An empty folder that only the unprivileged user can read. The caller deletes it. */
export function unprivilegedFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "tidemark-postgres-"));
  if (IS_ROOT) chownSync(made, NOBODY, NOBODY);
  return made;
}

function versions(): string[] {
  return existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted((a, b) => Number(a) - Number(b)) : [];
}
