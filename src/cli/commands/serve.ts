/**
 * `tidemark serve`: starts the server. Every setting is an option here, made from the table of settings, so
 * that the help can't forget one. The server itself is handed in as a function: the command line never
 * loads it only to print a help.
 */
import { type Command, Option } from "commander";
import {
  CONFIG_FILE,
  type Config,
  type ConfigSources,
  loadConfig,
  type Setting,
  SETTINGS,
} from "../../config.js";
import { DEFAULT_LIMITS } from "../../protocol/limits.js";

/** Starts the server with a config; resolves when it is ready, or when it has ended, as the caller likes. */
export type Serve = (config: Config) => Promise<void>;

/** What a command sees of the process that it runs in. */
export interface RuntimeEnvironment extends Pick<ConfigSources, "env" | "readFile"> {
  readonly print: (text: string) => void;
}

/**
 * Adds `serve`, the command that runs when none is named. Its action throws the ConfigError of a wrong
 * setting, and whatever `serve` rejects with.
 */
export function addServeCommand(program: Command, serve: Serve, surroundings: RuntimeEnvironment): Command {
  const { env, readFile } = surroundings;
  const command = program
    .command("serve", { isDefault: true })
    .description("Start the server (the default command).")
    .usage("[options]")
    .addOption(configFileOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: ConfigSources["flags"]) => serve(loadConfig({ env, readFile, flags })));
  Object.values(SETTINGS).forEach((setting) => command.addOption(optionOf(setting)));
  return command;
}

function configFileOption(): Option {
  const description = "JSON file with settings, named like the flags in camel case";
  return new Option(`${CONFIG_FILE.flag} <file>`, `${description} (env ${CONFIG_FILE.variable})`).helpGroup(
    COMMON,
  );
}

/** The default is only told, not set: else it would look like a flag and hide the environment and the file. */
function optionOf({ key, flag, variable, unit, description, ...setting }: Setting): Option {
  const syntax = unit === undefined ? flag : `${flag} <${unit}>`;
  const help = `${description} (default ${setting.default}, env ${variable})`;
  return new Option(syntax, help).helpGroup(key in DEFAULT_LIMITS ? LIMITS : COMMON);
}

const COMMON = "Options:";
const LIMITS = "Limits:";

const EXAMPLES = `
A flag comes before its environment variable, that before the config file, that before the default.

Examples:
  $ tidemark serve                                    http://127.0.0.1:4000
  $ tidemark serve --port 0 --retention 7d            any free port, ended jobs stay for a week
  $ TIDEMARK_LOG_LEVEL=debug tidemark serve           a setting from the environment
  $ tidemark serve --config tidemark.json             { "host": "0.0.0.0", "pageSizeMax": 50 }`;
