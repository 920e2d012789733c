/**
 * `tidemark serve`: starts the server. Every setting is an option, derived from its declaration. The server is passed
 * in as a function, so that printing the help does not load it.
 */
import { type Command, Option } from "commander";
import { loadConfig, type ConfigSources } from "../../config/load-config.js";
import { CONFIG_FILE, SETTING_LIST, type Config } from "../../config/settings.js";
import { settingOption } from "./setting-option.js";

/** Starts the server with a config. Resolves when it is ready, or when it has ended: the caller decides. */
export type Serve = (config: Config) => Promise<void>;

/** The parts of its process that a command uses. */
export interface RuntimeEnvironment extends Pick<ConfigSources, "env" | "readFile"> {
  readonly print: (text: string) => void;
}

/**
 * Adds `serve`, the default command. Its action throws a ConfigError for an invalid setting, and the errors of `serve`.
 */
export function addServeCommand(program: Command, serve: Serve, environment: RuntimeEnvironment): Command {
  const { env, readFile } = environment;
  const command = program
    .command("serve", { isDefault: true })
    .description("Start the server (the default command).")
    .usage("[options]")
    .addOption(configFileOption())
    .addHelpText("after", EXAMPLES)
    .action((flags: ConfigSources["flags"]) => serve(loadConfig({ env, readFile, flags })));
  SETTING_LIST.forEach((setting) => command.addOption(settingOption(setting)));
  return command;
}

function configFileOption(): Option {
  const { syntax, help, variable } = CONFIG_FILE;
  return new Option(syntax, `${help} (env ${variable})`);
}

const EXAMPLES = `
Precedence: flag, environment variable, config file, default.

Examples:
  $ tidemark serve                                    http://127.0.0.1:4000
  $ tidemark serve --port 0 --retention 7d            any free port; keep ended jobs for a week
  $ TIDEMARK_LOG_LEVEL=debug tidemark serve           a setting from the environment
  $ tidemark serve --config tidemark.json             { "host": "0.0.0.0", "pageSizeMax": 50 }`;
