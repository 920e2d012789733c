/**
 * Whether the page shows the current state of the server. If not, the header says so, stale content is grey, the clocks
 * stop, and screen readers receive an announcement.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import type { WatchStatus } from "../client/index.js";
import { instantText } from "../format/instants.js";
import { announce } from "./server/announcements.js";
import { runServerClock } from "./server/server-clock.js";

/** A subscription with a status. */
export interface StatusSource {
  readonly status: ReadonlySignal<WatchStatus>;
  close(): void;
}

const CONNECTING: WatchStatus = { kind: "connecting" };
const sources = signal<readonly StatusSource[]>([]);

/** The status of the topmost subscription. */
export const connectionStatus = computed<WatchStatus>(() => sources.value.at(-1)?.status.value ?? CONNECTING);

/** Shows this status above all others until the returned function is called. */
export function pushStatusSource(source: StatusSource): () => void {
  sources.value = [...sources.peek(), source];
  return () => {
    sources.value = sources.peek().filter((other) => other !== source);
  };
}

export const connectionLabel = computed(() => {
  const { value } = connectionStatus;
  switch (value.kind) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live";
    case "stale":
      return `Stale since ${instantText(value.since.getTime(), Date.now())}`;
    case "closed":
      return "Disconnected";
  }
});

effect(() => runServerClock(connectionStatus.value.kind === "live"));

let announced: WatchStatus["kind"] = "connecting";

/** Announces a lost connection and its return, not the first connection. */
effect(() => {
  const { kind } = connectionStatus.value;
  if (kind === announced) return;
  if (announced !== "connecting") announce(kind === "live" ? "Reconnected." : `${connectionLabel.value}.`);
  announced = kind;
});
