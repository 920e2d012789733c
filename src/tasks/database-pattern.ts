import { CONTROL_CHARACTER, type DatabaseName } from "./names.js";

/**
 * A pattern for names of databases, in their form (lower-cased, NFC): `*` stands for any characters, also for none.
 *
 *     matchesPattern(name, parseDatabasePattern("Staging-*"))
 *
 * @throws RangeError whose message says what is wrong
 */
export function parseDatabasePattern(text: string): string {
  const pattern = text.toLowerCase().normalize("NFC");
  if (pattern === "") throw new RangeError("a pattern is empty");
  if (CONTROL_CHARACTER.test(pattern)) throw new RangeError("a pattern has a control character in it");
  return pattern;
}

/** Each piece between two stars is looked for from the left, so the time is linear whatever the pattern. */
export function matchesPattern(name: DatabaseName, pattern: string): boolean {
  const [first, ...pieces] = pattern.split("*") as [string, ...string[]];
  const last = pieces.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = name.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return name.endsWith(last) && name.length - last.length >= at;
}
