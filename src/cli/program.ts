/**
 * The command line: its commands, and the message and exit code of a failure. Only the caller, `main.ts`, prints
 * failures and ends the process:
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
import { addCompactCommand, type Compact } from "./commands/compact.js";
import { addListCommand, type List } from "./commands/list.js";
import { addMigrateCommand, type Migrate } from "./commands/migrate.js";
import { addPurgeCommand, type Purge } from "./commands/purge.js";
import { addRemoveCommand, type Remove } from "./commands/remove.js";
import { addRepairCommand, type Repair } from "./commands/repair.js";
import { addRunCommand, type Run } from "./commands/run.js";
import { addServeCommand, type Serve, type RuntimeEnvironment } from "./commands/serve.js";
import { addShareCommand, type Share } from "./commands/share.js";
import { addShowCommand, type Show } from "./commands/show.js";
import { addWatchCommand, type WatchJobs } from "./commands/watch.js";
import { ExitError } from "./exit-codes.js";
import { sanitizeForTerminal } from "./render/sanitize.js";
import { packageVersion } from "../util/package-version.js";
import { withoutPassword } from "../util/without-password.js";
import { addTokenCommands, type TokenActions } from "./commands/token.js";

/** The implementations of the commands. They are passed in, so that printing help loads none of them. */
export interface Actions {
  readonly serve: Serve;
  readonly check: Check;
  readonly repair: Repair;
  readonly compact: Compact;
  readonly backup: Backup;
  readonly migrate: Migrate;
  readonly watch: WatchJobs;
  readonly list: List;
  readonly show: Show;
  readonly cancel: Cancel;
  readonly remove: Remove;
  readonly share: Share;
  readonly purge: Purge;
  readonly run: Run;
  readonly tokens: TokenActions;
}

/**
 * The program `tidemark`, ready to parse. Parsing never exits. It rejects with a CommanderError after help or for wrong
 * usage, with a ConfigError for an invalid setting, or with the error of the command.
 */
export function createProgram(
  actions: Actions,
  environment: RuntimeEnvironment = processEnvironment(),
): Command {
  const program = emptyProgram()
    .description(
      "A progress server: long-running jobs report their task trees, and people and programs watch them live.",
    )
    .version(packageVersion())
    .addHelpText("after", EXAMPLES)
    .hook("preSubcommand", rejectUnknownCommand);
  const { env, print } = environment;
  addServeCommand(program, actions.serve, environment);
  addRunCommand(program, actions.run, environment);
  addWatchCommand(program, actions.watch, env);
  addListCommand(program, actions.list, env);
  addShowCommand(program, actions.show, env);
  addCancelCommand(program, actions.cancel, env);
  addRemoveCommand(program, actions.remove, env);
  addShareCommand(program, actions.share, env);
  addPurgeCommand(program, actions.purge, env);
  addCheckCommand(program, actions.check, print);
  addRepairCommand(program, actions.repair, print);
  addCompactCommand(program, actions.compact, print);
  addBackupCommand(program, actions.backup, print);
  addMigrateCommand(program, actions.migrate, environment);
  addTokenCommands(program, actions.tokens, environment);
  return program;
}

/** A program that prints no errors and never exits. */
function emptyProgram(): Command {
  return new Command("tidemark")
    .exitOverride()
    .enablePositionalOptions() // so that \`run\` passes options on
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError();
}

/**
 * Parses the command name with a program that has no default command: otherwise a mistyped command would count as an
 * argument of `serve`. @throws CommanderError that suggests a similar command
 */
function rejectUnknownCommand({ args: [word], commands }: Command): void {
  if (word === undefined || word.startsWith("-")) return;
  const known = emptyProgram();
  for (const command of commands) known.command(command.name()).action(() => {});
  known.parse([word], { from: "user" });
}

/** The error line "tidemark: …" for stderr, without the passwords of URLs. Undefined after help or the version, and for an empty message. */
export function failureMessageOf(error: unknown): string | undefined {
  if (isSuccess(error) || isHelp(error) || isSilent(error)) return undefined;
  return `tidemark: ${sanitizeForTerminal(
    withoutPassword(messageOf(error))
      .replace(/^error: /, "")
      .replaceAll(/\s*\n\s*/g, " "),
  )}`;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return isUnknownOption(error) && !message.includes("Did you mean")
    ? `${message}. ${OPTIONS_HINT}`
    : message;
}

function isUnknownOption(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.unknownOption";
}

const OPTIONS_HINT =
  "See tidemark COMMAND --help, or tidemark serve --help for the server, whose data folder is --store lmdb:FOLDER.";

/** Commander also throws after it has printed help or the version. */
function isSuccess(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Commander's response to `help UNKNOWN` is the help itself. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

function isSilent(error: unknown): boolean {
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
Start a server, with its dashboard at http://127.0.0.1:4000:
  $ tidemark

In a second terminal, report any program as a job, and watch it:
  $ tidemark run --job count -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i/9; sleep 1; done'
  $ tidemark watch                              all jobs live, as trees with progress bars
  $ tidemark watch --job count             wait for one job; the exit code says how it ended
  $ tidemark list                               one line per job
  $ tidemark show count                         the tree of a job, its log, why it failed
  $ tidemark share count                        a link that shows this job
  $ tidemark cancel count --reason "too slow"   ask the worker of a job to stop

Maintain the data of the server:
  $ tidemark backup ./tidemark-data ./copy      copy a data folder, even while a server uses it
  $ tidemark check ./copy                       check a data folder for damage
  $ tidemark migrate --from lmdb:./copy --to postgres://tidemark@db/tidemark

Each command has more: tidemark COMMAND --help. Settings of the server: tidemark serve --help.

Exit codes: 0 success, 1 failure, 2 wrong usage, 3 job not found, 4 server unreachable, 5 token missing or rejected,
6 the watched job FAILED, 7 the watched job was CANCELED, 130 Ctrl+C.`;
