/** `tidemark run`: any program as a job. What it does is in the folder `run`; here are its options and its help. */
import { type Command, Option } from "commander";
import { ConfigError } from "../../config/config-error.js";
import { parseDuration } from "../../util/duration.js";
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
  /** What people read; undefined: the command. */
  readonly name: string | undefined;
  /** Undefined: one that nobody else has. */
  readonly jobId: string | undefined;
  /** Undefined: as the server knows who asks. */
  readonly username: string | undefined;
  /** How long after a cancel's SIGTERM comes its SIGKILL, milliseconds. */
  readonly killAfterMs: number;
  /** The command gets a terminal of its own. */
  readonly isTerminal: boolean;
  /** On stderr it is told which job it is, and what goes wrong with it. */
  readonly isVerbose: boolean;
}

/** Runs a command; resolves when it has ended, or ends the process, as the caller likes. */
export type Run = (options: RunOptions) => Promise<void>;

/** Adds `run`. Its action throws the ConfigError of a wrong option, and nothing for a command that fails. */
export function addRunCommand(program: Command, run: Run, { env }: Pick<RuntimeEnvironment, "env">): void {
  addDatabaseOptions(
    program
      .command("run")
      .description("Run any program, and turn the progress that it prints into a job.")
      .usage("[options] -- COMMAND [ARGUMENT...]")
      .argument("<command...>", "the program and its arguments, after --"),
  )
    .option("--name <text>", "What the job is called (default: the command line, which may hold secrets)")
    .option("--job <id>", "Id of the job (default: one that nobody else has)")
    .option("--user <name>", "Whose job it is (default: who the server says you are)")
    .addOption(
      new Option("--kill-after <duration>", "How long after a cancel's SIGTERM comes SIGKILL").default(
        "10s",
        "10s",
      ),
    )
    .option("--tty", "Give the command a terminal, by script of util-linux; stderr joins stdout")
    .option("-v, --verbose", "Tell on stderr which job it is, and whatever keeps it from being reported")
    .addHelpText("after", HELP)
    .action((command: RunOptions["command"], flags: RunFlags) =>
      run({
        command,
        server: resolveDatabase(flags, env),
        name: flags.name,
        jobId: flags.job,
        username: flags.user,
        killAfterMs: killAfterOf(flags.killAfter),
        isTerminal: flags.tty === true,
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
  readonly verbose?: true;
}

function killAfterOf(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms <= TIMER_MAX_MS) return ms;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ConfigError("--kill-after", text, "expected a duration up to 24d, such as 500ms, 10s or 5m");
}

/** More would make a timer ring at once. */
const TIMER_MAX_MS = 24 * 86_400_000;

const HELP = `
What the command prints passes through unchanged, its input and its signals too, and the exit code is its own: 128 and
the number of the signal that killed it, 127 where it is not found, 126 where it can't be executed. Without a server it
runs all the same; one line on stderr tells of a server that refuses the job, as for a token that has run out.

The job is FINISHED at exit code 0; CANCELED when it ended otherwise after a cancel request, Ctrl+C or another signal
that was sent to end it; else FAILED, with its last lines.

Understood are percentages, n/m, tqdm, pip, curl, wget, rsync, ffmpeg, make (of CMake), ninja, git and apt. Many programs
show progress at a terminal only, and here they write into a pipe. Ask them for it (rsync --info=progress2,
git clone --progress, wget --progress=dot, PYTHONUNBUFFERED=1), or give them a terminal: --tty.

Examples:
  $ tidemark run -- curl -O https://example.org/big.iso
  $ tidemark run --name "Nightly copy" --job copy -- rsync -a --info=progress2 src/ dst/
  $ tidemark run --tty -- pip install torch
  $ tidemark run -- sh -c 'make && make install'`;
