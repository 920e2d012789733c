/** The options and help of `tidemark run`. The folder `run` has the implementation. */
import { type Command, Option } from "commander";
import { durationOption } from "./duration-option.js";
import {
  addDatabaseOptions,
  resolveDatabase,
  type DatabaseFlags,
  type DatabaseEndpoint,
} from "../server-options.js";
import type { RuntimeEnvironment } from "./serve.js";

export interface RunOptions {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly server: DatabaseEndpoint;
  /** The description of the job. Undefined: the command line. */
  readonly name: string | undefined;
  /** Undefined: a new unique id. */
  readonly jobId: string | undefined;
  /** Undefined: the user that the server authenticates. */
  readonly username: string | undefined;
  /** The time between SIGTERM and SIGKILL after a cancel request, milliseconds. */
  readonly killAfterMs: number;
  /** Whether to run the command in a new pseudo-terminal. */
  readonly isTerminal: boolean;
  /** Whether to print neither the address of the job nor outages of the server to stderr. */
  readonly isQuiet: boolean;
  /** Whether to print the job id and all reporting problems to stderr. */
  readonly isVerbose: boolean;
}

/** Runs a command. Resolves when the command has ended, or ends the process. */
export type Run = (options: RunOptions) => Promise<void>;

/** Adds `run`. Its action throws a ConfigError for an invalid option, but does not throw if the command fails. */
export function addRunCommand(program: Command, run: Run, { env }: Pick<RuntimeEnvironment, "env">): void {
  addDatabaseOptions(
    program
      .command("run")
      .description("Run any program and report the progress that it prints as a job.")
      .usage("[options] [--] COMMAND [ARGUMENT...]")
      .argument("<command...>", "Program to run and its arguments")
      .passThroughOptions(), // options after the program are its own
  )
    .option(
      "--name <text>",
      "Description of the job (default: the command line; what looks like a secret is masked)",
    )
    .option("--job <id>", "Id of the job (default: a new unique id)")
    .option("--user <name>", "Owner of the job (default: the user that the server authenticates)")
    .addOption(
      new Option(
        "--kill-after <duration>",
        "Time between SIGTERM and SIGKILL after a cancel request",
      ).default("10s", "10s"),
    )
    .option(
      "--tty",
      "Run the command in a terminal. Requires the program `script` (util-linux); merges stderr into stdout",
    )
    .option(
      "-q, --quiet",
      "Do not print the address of the job to stderr, nor that the server is unreachable",
    )
    .addOption(
      new Option("-v, --verbose", "Print the job id and all reporting problems to stderr").conflicts("quiet"),
    )
    .addHelpText("after", HELP)
    .action((command: RunOptions["command"], flags: RunFlags) =>
      run({
        command,
        server: resolveDatabase(flags, env),
        name: flags.name?.trim() ? flags.name : undefined,
        jobId: flags.job,
        username: flags.user,
        killAfterMs: killAfterOf(flags.killAfter),
        isTerminal: flags.tty === true,
        isQuiet: flags.quiet === true,
        isVerbose: flags.verbose === true,
      }),
    );
}

interface RunFlags extends DatabaseFlags {
  readonly name?: string;
  readonly job?: string;
  readonly user?: string;
  readonly killAfter: string;
  readonly tty?: true;
  readonly quiet?: true;
  readonly verbose?: true;
}

function killAfterOf(text: string): number {
  const expected = "expected a duration up to 24d, such as 500ms, 10s or 5m";
  return durationOption("--kill-after", text, { maxMs: TIMER_MAX_MS }, expected);
}

/** A longer timer would fire immediately. */
const TIMER_MAX_MS = 24 * 86_400_000;

const HELP = `
Input, output and signals pass through unchanged. The exit code is that of the command: 128 plus the signal number if a
signal killed it, 127 if it was not found, 126 if it could not be executed.

One line on stderr says where the job can be seen, or why it can't: the command runs even if no server answers. With
--quiet, only a server that rejects the job is mentioned, for example because the token has expired.

Everyone who may watch the job can read its command line and its last lines of output. What looks like a secret is
masked: passwords and tokens by their names (--password x, TOKEN=x, Authorization: x), in addresses (://user:x@), and
well-known tokens by their shape. --name replaces the command line.

The job is FINISHED if the exit code is 0. Otherwise it is CANCELED after a cancel request, Ctrl+C or another
terminating signal, or else FAILED, with the last lines of output as the reason.

Recognized progress: percentages, n/m, tqdm, pip, curl, wget, rsync, ffmpeg, make (CMake), ninja, git and apt.
Many programs show progress only on a terminal, but here they write to a pipe. Turn their progress on
(rsync --info=progress2, git clone --progress, wget --progress=dot, PYTHONUNBUFFERED=1), or give them a terminal
with --tty.

Examples:
  $ tidemark run -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i/9; sleep 1; done'
  $ tidemark run curl -o big.iso https://example.org/big.iso
  $ tidemark run --name "Nightly copy" --job copy -- rsync -a --info=progress2 src/ dst/
  $ tidemark run --tty -- pip install torch
  $ tidemark run -- sh -c 'make && make install'`;
