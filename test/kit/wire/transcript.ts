import type { JobFilter } from "../../../src/store/task-store.js";
import type { WireEvent, WireJob } from "./event.js";

/** Everything that happened to one watcher, in order: plain JSON, so that it can be saved. */
export type Transcript = readonly TranscriptEntry[];

export type TranscriptEntry = ConnectedEntry | ReceivedEntry | OtherEntry | QuietEntry;

export interface ConnectedEntry {
  readonly entry: "connected";
  readonly transport: string;
  readonly filter: JobFilter;
  readonly minIntervalMs: number;
  readonly after: string | null;
  readonly holding: HeldVersions;
  /** The store's revision just before the subscription. */
  readonly storeRevision: number;
}

export interface ReceivedEntry {
  readonly entry: "received";
  readonly event: WireEvent;
  /** The store's revision when the event arrived; it was made at that revision or an earlier one. */
  readonly storeRevision: number;
}

interface OtherEntry {
  readonly entry: "disconnected" | "paused" | "resumed";
}

/** Writes have ended, and the watcher has had ample time. */
export interface QuietEntry {
  readonly entry: "quiet";
  readonly revision: number;
}

/** The state of a watcher when it connects. */
export type HeldVersions =
  | { readonly kind: "nothing" }
  /** Its state after the entry at this index. */
  | { readonly kind: "asAfter"; readonly place: number }
  /** The answer to a query. */
  | { readonly kind: "answer"; readonly jobs: readonly WireJob[] };

/** The events of a transcript, in order. */
export function eventsOf(transcript: Transcript): WireEvent[] {
  return transcript.flatMap((entry) => (entry.entry === "received" ? [entry.event] : []));
}
