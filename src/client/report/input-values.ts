/** What a worker says, made fit for the server: a slip in a number, or a long text, must not cost a report. */
import { DEFAULT_LIMITS } from "../../protocol/limits.js";

/** A description without what the server refuses: control characters, emptiness, more bytes than it takes. */
export function toDescription(text: string): string {
  const shown = text.normalize("NFC").replaceAll(/\p{Cc}/gu, " ");
  return cutToBytes(shown, DEFAULT_LIMITS.descriptionBytesMax) || "task";
}

/** A message of at most the bytes that the server takes. */
export function truncateMessage(text: string): string {
  return cutToBytes(text, DEFAULT_LIMITS.messageTextBytesMax);
}

/** The number without its fraction, and no larger than the server takes; undefined for what is no number from 0 on. */
export function toWholeNumber(value: number | undefined): number | undefined {
  if (value === undefined || !(value >= 0)) return undefined;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}

/** What an error says, for people. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** Cut between characters; half a character becomes a sign for one that is missing. */
function cutToBytes(text: string, bytesMax: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= bytesMax) return new TextDecoder().decode(bytes);
  const start = new Uint8Array(bytesMax);
  const { written } = new TextEncoder().encodeInto(text, start);
  return new TextDecoder().decode(start.subarray(0, written));
}
