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
import { ConfigError } from "../config.js";
import { addBackupCommand, type Backup } from "./commands/backup.js";
import { addCheckCommand, type Check } from "./commands/check.js";
import { addRepairCommand, type Repair } from "./commands/repair.js";
import { addServeCommand, type Serve, type Surroundings } from "./commands/serve.js";
import { addTokenCommands, type TokenActions } from "./commands/token.js";

/** What the commands do: they are handed in, so that a help loads none of it. */
export interface Actions {
  readonly serve: Serve;
  readonly check: Check;
  readonly repair: Repair;
  readonly backup: Backup;
  readonly tokens: TokenActions;
}

/**
 * The program `tidemark`, ready to parse; `surroundings` are by default those of this process. Parsing rejects, and never exits: with a CommanderError after a help or for a wrong usage,
 * with a ConfigError for a wrong setting, else with what the command failed with.
 */
export function createProgram(
  { serve, check, repair, backup, tokens }: Actions,
  surroundings: Surroundings = processSurroundings(),
): Command {
  const program = new Command("tidemark")
    .description(
      "A progress server: long-running jobs report their task trees, people and programs watch them live.",
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .addHelpText("after", EXAMPLES);
  addServeCommand(program, serve, surroundings);
  addCheckCommand(program, check, surroundings.print);
  addRepairCommand(program, repair, surroundings.print);
  addBackupCommand(program, backup, surroundings.print);
  addTokenCommands(program, tokens, surroundings);
  return program;
}

/** The exit code of a rejected parse: 0 after a help or the version, 2 for a wrong usage or setting, else 1. */
export function exitCodeOf(error: unknown): number {
  if (isAnswer(error)) return 0;
  return error instanceof CommanderError || error instanceof ConfigError ? 2 : 1;
}

/** The one line for stderr, "tidemark: …"; undefined when a help or the version was the answer. */
export function failureMessageOf(error: unknown): string | undefined {
  if (isAnswer(error) || isHelp(error)) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  return `tidemark: ${message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ")}`;
}

/** Commander also throws to stop after it has printed what was asked for. */
function isAnswer(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** The help is also commander's reply to a wrong `help COMMAND`, and says enough. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

function processSurroundings(): Surroundings {
  return {
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    print: (text) => process.stdout.write(text),
  };
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  // Safe: it is this package's own manifest, which npm does not accept without a version.
  return (manifest as { version: string }).version;
}

const EXAMPLES = `
Examples:
  $ tidemark                       start the server on http://127.0.0.1:4000
  $ tidemark --port 0              the same on any free port
  $ tidemark serve --help          every setting of the server
  $ tidemark backup ./tidemark-data ./copy          a copy of a data folder, also while it is served
  $ tidemark check ./tidemark-data                  whether all in it can be read`;
