/**
 * The reason of a failure as text. A program can throw any value, even one whose properties throw, and its job must
 * still end. Nothing in this file throws.
 */
import { textOf, truncateMessage } from "./input-values.js";

/** The errors and causes that a reason names, so that it stays readable. */
const ERRORS_MAX = 8;
/** Characters that are processed; more than a message holds. */
const LENGTH_MAX = 5_000;

/**
 * Describes what was thrown: its message, its code, and the messages of its causes, such as `Import failed: caused by
 * connection refused`. Control characters become spaces, and a long text ends with an ellipsis.
 */
export function failureReason(thrown: unknown): string {
  const text = describe(thrown, []).slice(0, LENGTH_MAX).replaceAll(UNPRINTABLE, " ").trim();
  const cut = truncateMessage(text);
  return cut.length < text.length ? cut.slice(0, -3).replace(/[\uD800-\uDBFF]$/, "") + "…" : cut;
}

/** Control characters except for tabs and line breaks, with the colors of terminals. */
const UNPRINTABLE = /(?:[^\P{Cc}\t\n](?:\[[\d;]*m)?)+/gu;

/** @param seen the errors that are described already */
function describe(thrown: unknown, seen: unknown[]): string {
  seen.push(thrown);
  const code = propertyOf(thrown, "code");
  const message = [propertyOf(thrown, "message"), propertyOf(thrown, "name")].find(isGiven);
  let text = isGiven(thrown) ? textOf(message ?? thrown) : `${textOf(thrown) || "An empty text"} was thrown`;
  if (typeof code === "string" && !text.includes(code)) text += ` (${code})`;
  const add = (separator: string, error: unknown): void => {
    const isShown = isGiven(error) && !seen.includes(error) && seen.length < ERRORS_MAX;
    if (isShown) text += `${separator}${describe(error, seen)}`;
  };
  const errors = propertyOf(thrown, "errors");
  for (let index = 0; index < ERRORS_MAX; index++) add(index ? "; " : ": ", propertyOf(errors, index));
  add(": caused by ", propertyOf(thrown, "cause"));
  return text;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** Undefined if there is no such property or reading it throws. */
export function propertyOf(value: unknown, name: string | number): unknown {
  try {
    return (value as Readonly<Record<string, unknown>>)[name]; // null and undefined throw
  } catch {
    return undefined;
  }
}
