/**
 * Makes text from other people safe to print. Names, messages and reasons must not move the cursor, change colours,
 * reverse the direction of writing, or imitate a line of our own output.
 */

/** The text on one line, without anything that a terminal interprets. */
export function sanitizeForTerminal(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(LINE_BREAKS, " ").replaceAll(INVISIBLE, "\uFFFD").replaceAll(STACKED_MARKS, "$1");
}

/** JSON on one line. Characters that a terminal might interpret are escaped. */
export function sanitizedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

const PLAIN = /^[\x20-\x7e]*$/;
const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Control, format (direction) and surrogate characters, except the joiners of letters and emoji. */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** A letter has at most two or three marks; a hundred would cover the neighbouring lines. */
const STACKED_MARKS = /(\p{M}{3})\p{M}+/gu;
