/** Converts values to what the server accepts, so that an odd number or a long text does not cost a report. */
import { REPORT_LIMITS } from "../../protocol/report-limits.js";

/** Replaces control characters, cuts the text to the byte limit, and replaces an empty one. */
export function toDescription(text: unknown): string {
  const printable = textOf(text)
    .normalize("NFC")
    .replaceAll(/\p{Cc}/gu, " ");
  return cutToBytes(printable, REPORT_LIMITS.descriptionBytesMax) || "task";
}

export function truncateMessage(text: unknown): string {
  return cutToBytes(textOf(text ?? ""), REPORT_LIMITS.messageTextBytesMax);
}

/** Rounds down and caps at the largest safe integer; undefined for negative numbers and NaN. */
export function toWholeNumber(value: number | undefined): number | undefined {
  if (value === undefined || !(value >= 0)) return undefined;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
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

/** Cuts between characters. A lone surrogate becomes the replacement character. */
function cutToBytes(text: string, bytesMax: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= bytesMax) return new TextDecoder().decode(bytes);
  const start = new Uint8Array(bytesMax);
  const { written } = new TextEncoder().encodeInto(text, start);
  return new TextDecoder().decode(start.subarray(0, written));
}
