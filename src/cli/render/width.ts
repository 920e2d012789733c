/** Text widths on a terminal: a Chinese character takes two columns, a combining accent takes none. */
import stringWidth from "string-width";

/** The columns of a text without escape sequences. */
export function widthOf(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** The text in at most `width` columns; a text that is cut ends with "…". */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let start = "";
  let left = width - 1; // for the "…"
  for (const { segment } of CHARACTERS.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    start += segment;
  }
  return width > 0 ? `${start}…` : "";
}

/** The text in exactly `width` columns. */
export function padToWidth(text: string, width: number): string {
  const shown = truncate(text, width);
  return shown + " ".repeat(Math.max(0, width - widthOf(shown)));
}

const ASCII = /^[\x20-\x7e]*$/;
const CHARACTERS = new Intl.Segmenter();
