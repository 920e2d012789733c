import { Option } from "commander";
import type { Setting } from "../../config/setting.js";

/** The default appears only in the help text: a commander default would hide the environment and the config file. */
export function settingOption({ syntax, help, variable, group, ...setting }: Setting): Option {
  return new Option(syntax, `${help} (default ${setting.default}, env ${variable})`).helpGroup(`${group}:`);
}
