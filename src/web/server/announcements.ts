/** What a screen reader is told of by itself: what somebody has to know at once, and no more. */
import { signal } from "@preact/signals";

/** The latest. */
export const announcement = signal("");

export function announce(text: string): void {
  announcement.value = text;
}
