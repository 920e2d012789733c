import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ClientTimer } from "../platform.js";
import { RetryDelay } from "./retry-delay.js";
import type { SessionEnd } from "./session-end.js";
import type { WatchEnvironment } from "./watch-environment.js";

export interface ReconnectionOptions {
  /** Subscribes once, and resolves when this subscription has ended. Never rejects. */
  readonly attempt: () => Promise<SessionEnd>;
  /** Whether an attempt after a rejected token may send another one. */
  readonly mayRenewToken: boolean;
  /** An attempt ended, and another one follows. */
  readonly onDisconnected: (end: SessionEnd) => void;
  /** A retry would fail the same way. No attempt follows. */
  readonly onRejected: (error: TidemarkError) => void;
}

/**
 * Attempts a subscription again and again, until it is closed or rejected: with growing, random delays, and only once
 * more after a rejected token.
 */
export class Reconnection {
  readonly #options: ReconnectionOptions;
  readonly #environment: WatchEnvironment;
  readonly #retryDelay: RetryDelay;
  #isClosed = false;
  /** Ends the current delay. */
  #wake: (() => void) | undefined;
  #timer: ClientTimer | undefined;
  /** Whether the server rejected the previous token. */
  #isTokenRejected = false;
  /** When the current attempt received its first data, in the clock's time. */
  #dataSince: number | undefined;

  constructor(options: ReconnectionOptions, environment: WatchEnvironment) {
    this.#options = options;
    this.#environment = environment;
    const { random } = environment;
    this.#retryDelay = new RetryDelay({ longestMs: 30_000, isFirstImmediate: true, random });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when it is closed, or rejected by the server; never rejects. */
  async run(): Promise<void> {
    while (!this.#isClosed) {
      this.#dataSince = undefined;
      const end = await this.#options.attempt();
      if (this.#isClosed) return;
      const error = this.#finalErrorOf(end);
      if (error) return this.#options.onRejected(error);
      if (end.kind === "unauthorized" && this.#lasted(TOKEN_LIFE_MS)) continue;
      this.#options.onDisconnected(end);
      if (this.#lasted(STABLE_MS)) this.#retryDelay.reset();
      const delayMs = this.#retryDelay.nextMs(end.kind === "broken" && end.isGoingAway);
      if (delayMs > 0) await this.#wait(delayMs);
    }
  }

  /** The current attempt received data, so the server accepted its token. */
  onData(): void {
    this.#isTokenRejected = false;
    this.#dataSince ??= this.#environment.clock.now();
  }

  /** No attempt follows. The caller ends the current one. Has no effect a second time. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#wake?.();
  }

  /** An expired token is not final, because it may be renewed. A second rejected token is. */
  #finalErrorOf(end: SessionEnd): TidemarkError | undefined {
    if (end.kind === "refused") return end.error;
    if (end.kind !== "unauthorized") return undefined;
    if (this.#isTokenRejected || !this.#options.mayRenewToken) return end.error;
    this.#isTokenRejected = true;
    return undefined;
  }

  /** Whether the current attempt received its first data this long ago. */
  #lasted(durationMs: number): boolean {
    const since = this.#dataSince;
    return since !== undefined && this.#environment.clock.now() - since >= durationMs;
  }

  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#environment.clock.schedule(delayMs, resolve);
    });
  }
}

/**
 * A token that was accepted for this long, milliseconds, has expired as planned. Its successor continues at once, and the
 * state in between is not stale.
 */
const TOKEN_LIFE_MS = 1_000;

/** A subscription that lasted this long, milliseconds, resets the backoff. */
const STABLE_MS = 10_000;
