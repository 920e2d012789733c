/**
 * `tidemark serve`: starts the server. The options are generated from the table of settings, so that the help lists
 * every setting. The server is passed in as a function, so that printing help does not load it.
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

/** Starts the server with a config. Resolves when the server is ready, or later. */
export type Serve = (config: Config) => Promise<void>;

/** The parts of the process that commands use. */
export interface RuntimeEnvironment extends Pick<ConfigSources, "env" | "readFile"> {
  readonly print: (text: string) => void;
}

/** Adds `serve`, the default command. Its action throws a ConfigError for an invalid setting. */
export function addServeCommand(program: Command, serve: Serve, surroundings: RuntimeEnvironment): Command {
  const { env, readFile } = surroundings;
  const command = program
    .command("serve", { isDefault: true })
    .description("Start the server. This is the default command.")
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

/** The default is only described: a commander default would override the environment and the file. */
function optionOf({ key, flag, variable, unit, description, ...setting }: Setting): Option {
  const syntax = unit === undefined ? flag : `${flag} <${unit}>`;
  const help = `${description} (default ${setting.default}, env ${variable})`;
  return new Option(syntax, help).helpGroup(key in DEFAULT_LIMITS ? LIMITS : COMMON);
}

const COMMON = "Options:";
const LIMITS = "Limits:";

const EXAMPLES = `
A flag overrides its environment variable, which overrides the config file, which overrides the default.

Examples:
  $ tidemark serve                                    http://127.0.0.1:4000
  $ tidemark serve --port 0 --retention 7d            any free port; ended jobs are kept for a week
  $ TIDEMARK_LOG_LEVEL=debug tidemark serve           a setting from the environment
  $ tidemark serve --config tidemark.json             { "host": "0.0.0.0", "pageSizeMax": 50 }`;
