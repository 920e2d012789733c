import { withoutPassword } from "../util/without-password.js";

/**
 * A setting is invalid. The message is one line with the setting, its value, the rule and what to do:
 *
 *     Invalid --port "80a": expected a whole number from 0 to 65535.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(
    /** The flag, variable or key that has the value: "--port". */
    readonly source: string,
    readonly value: unknown,
    /** The rule: "expected on or off". Further sentences may say what to do. */
    readonly expected: string,
    { file, ...options }: ErrorOptions & { readonly file?: string | undefined } = {},
  ) {
    const place = file === undefined ? "" : ` in ${file}`;
    const end = /[.?]$/.test(expected) ? "" : ".";
    super(`Invalid ${source} ${shown(value)}${place}: ${expected}${end}`, options);
  }
}

/** A value for a message: short, on one line, and without the password of a URL. */
function shown(value: unknown): string {
  const json = withoutPassword(JSON.stringify(value) ?? String(value));
  return json.length > 100 ? `${json.slice(0, 100)}…` : json;
}
