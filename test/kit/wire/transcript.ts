import type { JobFilter } from "../../../src/store/task-store.js";
import type { WireEvent, WireJob } from "./event.js";

/** All that happened to one watcher, in order: plain JSON, so that it can be kept and looked at again. */
export type Transcript = readonly TranscriptEntry[];

export type TranscriptEntry = ConnectedEntry | ReceivedEntry | OtherEntry | QuietEntry;

export interface ConnectedEntry {
  readonly entry: "connected";
  readonly transport: string;
  readonly filter: JobFilter;
  readonly minIntervalMs: number;
  readonly after: string | null;
  readonly holding: HeldVersions;
  /** The store's revision just before it asked. */
  readonly storeRevision: number;
}

export interface ReceivedEntry {
  readonly entry: "received";
  readonly event: WireEvent;
  /** The store's revision when it was received: it was made at that or an earlier one. */
  readonly storeRevision: number;
}

interface OtherEntry {
  readonly entry: "disconnected" | "paused" | "resumed";
}

/** The writers had stopped, and the watcher had been given all the time it could want. */
export interface QuietEntry {
  readonly entry: "quiet";
  readonly revision: number;
}

/** What a watcher holds when it connects. */
export type HeldVersions =
  | { readonly kind: "nothing" }
  /** What it held once it had received the entry at this place. */
  | { readonly kind: "asAfter"; readonly place: number }
  /** What a query answered. */
  | { readonly kind: "answer"; readonly jobs: readonly WireJob[] };

/** The events of a transcript, in order. */
export function eventsOf(transcript: Transcript): WireEvent[] {
  return transcript.flatMap((entry) => (entry.entry === "received" ? [entry.event] : []));
}
