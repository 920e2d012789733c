/**
 * Rejects options that nothing would read, and values that can't work. TypeScript finds most of them, but a JavaScript
 * program with a misspelled option would otherwise run with the default, for example against the wrong server.
 */
import { DEFAULT_URL } from "../protocol/default-url.js";
import { isUnits, quoted, textOf } from "./report/input-values.js";

/** The values of an option: any (2), a number from 0 (0), a whole number from 1 (1), or one or several of these texts. */
export type OptionRule = 0 | 1 | 2 | readonly string[];

/**
 * @param call names the call in messages, such as `job()`
 * @throws TypeError for an unknown option, an invalid value, and for a value that is not an object.
 */
export function checkOptions(
  call: string,
  options: object,
  known: Readonly<Record<string, OptionRule>>,
): void {
  const fail = (problem: string, expected: string): never => {
    throw new TypeError(`${problem} of ${call}: expected ${expected}.`);
  };
  const isObject = Object(options) === options;
  const wrong = isObject ? Object.keys(options).find((name) => !Object.hasOwn(known, name)) : textOf(options);
  if (wrong !== undefined) {
    const names = Object.keys(known);
    const [first] = names;
    const example = isObject
      ? ""
      : `, such as { ${first}: ${quoted(first === "url" ? DEFAULT_URL : options)} }`;
    fail(`Unknown option ${quoted(wrong)}`, `an object with any of ${names.join(", ")}${example}`);
  }
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const rule = known[name]!; // safe: checked before
    if (!isAllowed(value ?? undefined, rule)) {
      const expected =
        typeof rule === "object" ? rule.join(", ") : `a ${rule ? "whole " : ""}number from ${rule}`;
      fail(`Invalid ${name} ${quoted(value)}`, expected);
    }
  }
}

function isAllowed(value: unknown, rule: OptionRule): boolean {
  if (value === undefined || rule === 2) return true;
  if (typeof rule === "object") return [value].flat().every((one) => rule.includes(one as string));
  return isUnits(value) && value >= rule && (!rule || Number.isInteger(value));
}
