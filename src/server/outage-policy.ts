import type { JournalEngine } from "../journal/journal.js";
import { unavailable } from "../protocol/tidemark-error.js";
import type { Clock, Timer } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { Problem } from "./health-probes.js";

export interface OutagePolicyOptions {
  readonly engine: JournalEngine;
  /** How the engine is reached, without passwords. */
  readonly address: string;
  /** How long the server serves without the engine. Milliseconds. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The grace is over: disconnect the watchers. */
  readonly onGraceOver: () => void;
  /** The engine answers again after its grace was over. */
  readonly onBack: () => void;
}

/**
 * Decides what a server does while the engine of its journal does not answer:
 *
 *            silent for `graceMs`
 *     serve ──────────────────────► refuse reads and subscriptions, not ready
 *       ▲                             │
 *       └───── the engine answers ────┘
 *
 * Within the grace, reads and subscriptions go on, so that a failover disturbs nobody. After it they stop, because a
 * server that cannot receive the changes of other servers must not look live.
 */
export class OutagePolicy {
  readonly #options: OutagePolicyOptions;
  #timer: Timer | undefined;
  #phase: "answers" | "silent" | "given up" = "answers";
  /** How long the engine had not answered when it was last found silent. */
  #silentMs = 0;
  /** How long a change had waited when one was last found waiting for too long; 0 if none is. */
  #unconfirmedMs = 0;

  constructor(options: OutagePolicyOptions) {
    this.#options = options;
  }

  /** Whether the engine has not answered for so long that it is probably away. */
  get isSilent(): boolean {
    return this.#options.engine.silentMs() >= SILENT_MIN_MS;
  }

  /** @throws TidemarkError UNAVAILABLE if the grace is over. */
  check(): void {
    const silentMs = this.#options.engine.silentMs();
    if (silentMs <= this.#options.graceMs) return;
    throw unavailable(
      `The database server has not answered for ${secondsText(silentMs)}, so this server cannot tell what is current. Retry later, or on another server.`,
    );
  }

  /** What is wrong; nothing while the engine answers. @param isWritable whether it accepts changes now */
  problems(isWritable: boolean): Problem[] {
    if (this.isSilent) return [this.#silence()];
    if (!isWritable) return [{ reason: "the database server does not answer: changes fail", isFatal: false }];
    const { oldestAppendMs } = this.#options.engine.stats();
    if (oldestAppendMs < UNCONFIRMED_MIN_MS) return [];
    return [{ reason: unconfirmedText(oldestAppendMs), isFatal: false }];
  }

  #silence(): Problem {
    const { engine, address, graceMs } = this.#options;
    const silentMs = engine.silentMs();
    const isFatal = silentMs > graceMs;
    const reason = `the database server has not answered for ${secondsText(silentMs)}${isFatal ? "" : ": changes fail"}`;
    return { reason, details: [`${reason} (${address})`], isFatal };
  }

  start(): void {
    this.#timer = this.#options.clock.schedule(INTERVAL_MS, () => {
      this.#look();
      this.start();
    });
  }

  /** Stopping twice is harmless. */
  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { engine, address, graceMs, log, onGraceOver } = this.#options;
    this.#lookForUnconfirmed();
    const silentMs = Math.round(engine.silentMs());
    if (silentMs < SILENT_MIN_MS) return this.#answered();
    this.#silentMs = silentMs;
    if (this.#phase === "answers") {
      this.#phase = "silent";
      log.warn(
        { err: engine.failure, address, silentMs },
        "the database server does not answer: changes fail",
      );
    }
    if (this.#phase === "silent" && silentMs > graceMs) {
      this.#phase = "given up";
      log.error(
        { err: engine.failure, address, silentMs },
        "the database server does not answer: disconnecting all watchers",
      );
      onGraceOver();
    }
  }

  #lookForUnconfirmed(): void {
    const { engine, address, log } = this.#options;
    const waitedMs = Math.round(engine.stats().oldestAppendMs);
    const isUnconfirmed = waitedMs >= UNCONFIRMED_MIN_MS;
    const before = this.#unconfirmedMs;
    if (isUnconfirmed && this.isSilent) return; // the log says that the engine does not answer
    if (isUnconfirmed && before === 0) log.warn({ address, waitedMs }, unconfirmedText(waitedMs));
    if (!isUnconfirmed && before > 0)
      log.info({ address, waitedMs: before }, "PostgreSQL confirms changes again");
    this.#unconfirmedMs = isUnconfirmed ? waitedMs : 0;
  }

  #answered(): void {
    const { address, log, onBack } = this.#options;
    const phase = this.#phase;
    if (phase === "answers") return;
    log.info({ address, silentMs: this.#silentMs }, "the database server answers again");
    this.#phase = "answers";
    if (phase === "given up") onBack();
  }
}

function unconfirmedText(ms: number): string {
  return `PostgreSQL has not confirmed a change for ${secondsText(ms)}: changes are not answered. A synchronous standby may be missing.`;
}

function secondsText(ms: number): string {
  return `${Math.floor(ms / 1_000)} s`;
}

const INTERVAL_MS = 200;

/** A shorter silence is a slow answer. */
const SILENT_MIN_MS = 1_000;

/** A shorter wait is a slow commit. Longer than a silence, so that an outage is only logged as one. */
const UNCONFIRMED_MIN_MS = 1_300;
