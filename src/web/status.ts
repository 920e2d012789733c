/**
 * Whether what is seen is what the server has. The page says so in its header, greys what is stale, stops the clocks, and
 * tells who can't see it.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import type { WatchStatus } from "../client/index.js";
import { instantText } from "./format/instants.js";
import { announce } from "./server/announcements.js";
import { runServerClock } from "./server/server-clock.js";

/** Something that is watched. */
export interface Watched {
  readonly status: ReadonlySignal<WatchStatus>;
  close(): void;
}

const CONNECTING: WatchStatus = { kind: "connecting" };
const shown = signal<readonly Watched[]>([]);

/** That of what is on top. */
export const status = computed<WatchStatus>(() => shown.value.at(-1)?.status.value ?? CONNECTING);

/** Shows the status of this above all others, until what is returned is called. */
export function showStatusOf(watched: Watched): () => void {
  shown.value = [...shown.peek(), watched];
  return () => {
    shown.value = shown.peek().filter((other) => other !== watched);
  };
}

/** In a few words. */
export const statusText = computed(() => {
  const { value } = status;
  switch (value.kind) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "stale":
      return `Stale since ${instantText(value.since.getTime(), Date.now())}`;
    case "closed":
      return "Refused";
  }
});

effect(() => runServerClock(status.value.kind === "live"));

let told: WatchStatus["kind"] = "connecting";

/** The first connection is what everybody expects; a loss, and its end, is not. */
effect(() => {
  const { kind } = status.value;
  if (kind === told) return;
  if (told !== "connecting") announce(kind === "live" ? "The connection is back." : `${statusText.value}.`);
  told = kind;
});
