/**
 * What is written down of a server that is killed again and again: plain JSON, so that it can be kept, looked at,
 * and tampered with by the tests of the checker.
 */
import type { WireJob } from "../wire/event.js";

/** From one start of the server, over the kill, to the quiet after the next start. */
export interface CrashRound {
  /** Each writer's in the order in which it asked. */
  readonly requests: readonly CrashRequest[];
  /** Every removal that a subscriber was told of. */
  readonly removals: readonly ObservedRemoval[];
  /** After the next start, before anybody wrote again: every database. */
  readonly found: readonly FoundDatabase[];
}

/** What a writer asked for at once. A job has one writer, and is in one input of a request. */
export interface CrashRequest {
  readonly writer: number;
  readonly inputs: readonly CrashInput[];
  /** The job after each input (before it, for a removal); undefined when the server was killed before it answered. */
  readonly answer: readonly (WireJob | null)[] | undefined;
}

export interface CrashInput extends CrashJob {
  readonly kind: "store" | "report" | "remove";
  /** No other input of its writer has it, and later ones have higher ones. It is in all that the input sets. */
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

/** What a query answered. */
export interface FoundDatabase {
  readonly database: string;
  readonly position: string;
  readonly jobs: readonly WireJob[];
}
