/**
 * The record of a server that is killed repeatedly: plain JSON, so that it can be saved, and altered by the
 * tests of the checker.
 */
import type { WireJob } from "../wire/event.js";

/** One round: from a start of the server, over the kill, to the pause after the next start. */
export interface CrashRound {
  /** In the order in which each writer sent them. */
  readonly requests: readonly CrashRequest[];
  /** Every removal that a subscriber received. */
  readonly removals: readonly ObservedRemoval[];
  /** Every database after the next start, before the writers continue. */
  readonly found: readonly FoundDatabase[];
}

/** One request of a writer. A job belongs to one writer and appears in one input of a request. */
export interface CrashRequest {
  readonly writer: number;
  readonly inputs: readonly CrashInput[];
  /**
   * The job after each input (for a removal, before it); undefined if the server was killed before it
   * answered.
   */
  readonly answer: readonly (WireJob | null)[] | undefined;
}

export interface CrashInput extends CrashJob {
  readonly kind: "store" | "report" | "remove";
  /** Unique for the writer and increasing. Every field that the input sets contains it. */
  readonly mark: number;
}

export interface CrashJob {
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
}

export interface ObservedRemoval extends CrashJob {
  readonly revision: number;
}

/** The answer to a query. */
export interface FoundDatabase {
  readonly database: string;
  readonly position: string;
  readonly jobs: readonly WireJob[];
}
