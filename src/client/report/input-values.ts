/** Converts values to what the server accepts, so that an odd number or a long text does not cost a report. */
import { CLIENT_LIMITS } from "../../protocol/client-limits.js";

/** Replaces control characters, shortens the text to the limit, and replaces an empty one. */
export function toDescription(text: unknown, bytesMax: number): string {
  const printable = textOf(text)
    .normalize("NFC")
    .replaceAll(/\p{Cc}/gu, " ");
  return shortenText(printable, bytesMax) || shortenText("task", bytesMax);
}

/** A message to hold until it is sent, when it may be shortened further. */
export function truncateMessage(text: unknown): string {
  return shortenText(textOf(text ?? ""), CLIENT_LIMITS.messageTextBytesMax);
}

/** Rounds down and caps at the largest safe integer; undefined for a value that is not a number of units. */
export function toWholeNumber(value: number | undefined): number | undefined {
  if (!isUnits(value)) return undefined;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}

/** Whether a value is a number of units: 0, or a positive number. */
export function isUnits(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

/** Converts any value to text. Never throws. */
export function textOf(value: unknown): string {
  try {
    const text = String(value);
    return text.startsWith("[object ") ? JSON.stringify(value) : text;
  } catch {
    return "a value that has no text";
  }
}

/** A value in an error's message: a text in quotation marks, anything else as `textOf`. */
export function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : textOf(value);
}

/** Cuts a long text between characters, and ends it with an ellipsis. A lone surrogate becomes the replacement character. */
export function shortenText(text: string, bytesMax: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= bytesMax) return new TextDecoder().decode(bytes);
  const end = bytesMax > ELLIPSIS_BYTES ? "…" : "";
  const start = new Uint8Array(bytesMax - (end === "" ? 0 : ELLIPSIS_BYTES));
  const { written } = new TextEncoder().encodeInto(text, start);
  return new TextDecoder().decode(start.subarray(0, written)) + end;
}

const ELLIPSIS_BYTES = 3;
