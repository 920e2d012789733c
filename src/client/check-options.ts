/**
 * Rejects options that nothing would read. TypeScript finds most of them, but a JavaScript program with a misspelled
 * option would otherwise run with the default, for example against the wrong server.
 *
 * @param known an object with the names of all options
 * @throws TypeError for an unknown option, and for a value that is not an object.
 */
import { textOf } from "./report/input-values.js";

export function checkOptions(caller: string, options: object, known: object): void {
  const isObject = Object(options) === options;
  const wrong = isObject ? Object.keys(options).find((name) => !Object.hasOwn(known, name)) : textOf(options);
  if (wrong === undefined) return;
  const names = Object.keys(known).join(", ");
  throw new TypeError(
    `Unknown option ${JSON.stringify(wrong)} of ${caller}(): expected an object with any of ${names}.`,
  );
}
