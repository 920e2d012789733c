import { CONTROL_CHARACTER, type DatabaseName } from "./names.js";

/**
 * Parses a pattern for database names and returns it in their form (lower case, NFC). `*` matches any
 * characters, or none.
 *
 *     matchesPattern(name, parseDatabasePattern("Staging-*"))
 *
 * @throws RangeError with a message that says what is wrong
 */
export function parseDatabasePattern(text: string): string {
  const pattern = text.toLowerCase().normalize("NFC");
  if (pattern === "") throw new RangeError("a database pattern must not be empty");
  if (CONTROL_CHARACTER.test(pattern))
    throw new RangeError("a database pattern must not contain control characters");
  return pattern;
}

/** Searches for each piece between two stars from the left, so the time is linear for any pattern. */
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
