/**
 * The command line: which commands there are, and what a failure of one means to the shell. Nothing here
 * ends the process or prints a failure; that is left to `main.ts`:
 *
 *     await createProgram(actions).parseAsync().catch((error) => {
 *       const message = failureMessageOf(error);
 *       if (message !== undefined) process.stderr.write(`${message}\n`);
 *       process.exitCode = exitCodeOf(error);
 *     });
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addBackupCommand, type Backup } from "./commands/backup.js";
import { addCancelCommand, type Cancel } from "./commands/cancel.js";
import { addCheckCommand, type Check } from "./commands/check.js";
import { addListCommand, type List } from "./commands/list.js";
import { addPurgeCommand, type Purge } from "./commands/purge.js";
import { addRemoveCommand, type Remove } from "./commands/remove.js";
import { addRepairCommand, type Repair } from "./commands/repair.js";
import { addRunCommand, type Run } from "./commands/run.js";
import { addServeCommand, type Serve, type RuntimeEnvironment } from "./commands/serve.js";
import { addShowCommand, type Show } from "./commands/show.js";
import { addWatchCommand, type WatchJobs } from "./commands/watch.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import { ExitError } from "./exit-codes.js";
import { sanitizeForTerminal } from "./render/sanitize.js";
import { packageVersion } from "../util/package-version.js";
import { addTokenCommands, type TokenActions } from "./commands/token.js";

/** What the commands do: they are handed in, so that a help loads none of it. */
export interface Actions {
  readonly serve: Serve;
  readonly check: Check;
  readonly repair: Repair;
  readonly backup: Backup;
  readonly watch: WatchJobs;
  readonly list: List;
  readonly show: Show;
  readonly cancel: Cancel;
  readonly remove: Remove;
  readonly purge: Purge;
  readonly run: Run;
  readonly tokens: TokenActions;
}

/**
 * The program `tidemark`, ready to parse; `surroundings` are by default those of this process. Parsing rejects, and never exits: with a CommanderError after a help or for a wrong usage,
 * with a ConfigError for a wrong setting, else with what the command failed with.
 */
export function createProgram(
  actions: Actions,
  surroundings: RuntimeEnvironment = processEnvironment(),
): Command {
  const program = emptyProgram()
    .description(
      "A progress server: long-running jobs report their task trees, people and programs watch them live.",
    )
    .version(packageVersion())
    .addHelpText("after", EXAMPLES)
    .hook("preSubcommand", refuseUnknownCommand);
  const { env, print } = surroundings;
  addServeCommand(program, actions.serve, surroundings);
  addRunCommand(program, actions.run, surroundings);
  addWatchCommand(program, actions.watch, env);
  addListCommand(program, actions.list, env);
  addShowCommand(program, actions.show, env);
  addCancelCommand(program, actions.cancel, env);
  addRemoveCommand(program, actions.remove, env);
  addPurgeCommand(program, actions.purge, env);
  addCheckCommand(program, actions.check, print);
  addRepairCommand(program, actions.repair, print);
  addBackupCommand(program, actions.backup, print);
  addTokenCommands(program, actions.tokens, surroundings);
  return program;
}

/** It prints no failure, and never exits. */
function emptyProgram(): Command {
  return new Command("tidemark")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError();
}

/**
 * The default command would take a mistyped one for an argument of its own. So a program that has the same commands,
 * and no default, looks at the word first. @throws CommanderError with the command that may have been meant.
 */
function refuseUnknownCommand({ args: [word], commands }: Command): void {
  if (word === undefined || word.startsWith("-")) return;
  const known = emptyProgram();
  for (const command of commands) known.command(command.name()).action(() => {});
  known.parse([word], { from: "user" });
}

/** The one line for stderr, "tidemark: …"; undefined when a help or the version was the answer, or all was said. */
export function failureMessageOf(error: unknown): string | undefined {
  if (isAnswer(error) || isHelp(error) || isSaid(error)) return undefined;
  return `tidemark: ${sanitizeForTerminal(
    messageOf(error)
      .replace(/^error: /, "")
      .replaceAll(/\s*\n\s*/g, " "),
  )}`;
}

/** What the server says of a token is about headers, and at a prompt there are none. */
function messageOf(error: unknown): string {
  if (error instanceof TidemarkError && error.code === "UNAUTHENTICATED")
    return "the server wants to know who asks: give a token that is good, with --token or TIDEMARK_TOKEN";
  return error instanceof Error ? error.message : String(error);
}

/** Commander also throws to stop after it has printed what was asked for. */
function isAnswer(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** The help is also commander's reply to a wrong `help COMMAND`, and says enough. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

/** The command has said what there was to say. */
function isSaid(error: unknown): boolean {
  return error instanceof ExitError && error.message === "";
}

function processEnvironment(): RuntimeEnvironment {
  return {
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    print: (text) => process.stdout.write(text),
  };
}

const EXAMPLES = `
Examples:
  $ tidemark                       start the server on http://127.0.0.1:4000
  $ tidemark --port 0              the same on any free port
  $ tidemark serve --help          every setting of the server
  $ tidemark watch --database demo                  jobs live, as trees with bars
  $ tidemark watch --job import-1 && ./next-step    waits for a job, and goes on when it has FINISHED
  $ tidemark list --status running                  a line a job
  $ tidemark show alice/import-1                    all that is known of one: why it failed, its log
  $ tidemark cancel alice/import-1 --reason "wrong parameters"
  $ tidemark run -- rsync -a --info=progress2 a b   what any program prints, as a job
  $ tidemark backup ./tidemark-data ./copy          a copy of a data folder, also while it is served
  $ tidemark check ./tidemark-data                  whether all in it can be read

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such job, 4 no server answers, 5 not let in,
6 the job that was waited for FAILED, 7 it was CANCELED, 130 Ctrl+C.`;
