/**
 * Names, messages and reasons are somebody else's: what is shown of them must not move the cursor, colour the rest,
 * turn the direction of writing, or pretend to be a line of ours.
 */

/** A text that a terminal shows, on one line, and obeys nothing of. */
export function sanitizeForTerminal(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(BREAKS, " ").replaceAll(UNSEEN, "\uFFFD").replaceAll(PILED_MARKS, "$1");
}

/** JSON on one line, in which everything that a terminal might obey is escaped. */
export function sanitizedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

const PLAIN = /^[\x20-\x7e]*$/;
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Controls, formats (of direction above all) and halves of characters; not what joins letters and emoji. */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** A letter has two or three marks; a hundred of them cover the lines around. */
const PILED_MARKS = /(\p{M}{3})\p{M}+/gu;
