import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { RetryDelay } from "./retry-delay.js";
import type { ServerList } from "./server-list.js";
import { leavesServer, type SessionEnd } from "./session-end.js";
import type { WatchEnvironment } from "./watch-environment.js";

export interface ReconnectionOptions {
  /** Subscribes once, and resolves when this subscription has ended. Never rejects. */
  readonly attempt: () => Promise<SessionEnd>;
  /** Whether an attempt after a rejected token may send another one. */
  readonly mayRenewToken: boolean;
  /** The servers of the attempts. */
  readonly servers: ServerList;
  /** An attempt ended, and another one follows. `isMoving`: at once, at a server that has not failed yet. */
  readonly onDisconnected: (end: SessionEnd, isMoving: boolean) => void;
  /** A retry would fail the same way. No attempt follows. */
  readonly onRejected: (error: TidemarkError) => void;
}

/**
 * Attempts a subscription again and again, until it is closed or rejected: with growing, random delays once every server
 * has failed, and only once more after a rejected token.
 */
export class Reconnection {
  readonly #options: ReconnectionOptions;
  readonly #environment: WatchEnvironment;
  readonly #retryDelay: RetryDelay;
  #isClosed = false;
  /** Ends the current delay. */
  #wake: (() => void) | undefined;
  /** Whether the server rejected the previous token. */
  #isTokenRejected = false;
  /** When the current attempt received its first data, in the clock's time. */
  #dataSince: number | undefined;

  constructor(options: ReconnectionOptions, environment: WatchEnvironment) {
    this.#options = options;
    this.#environment = environment;
    const { random } = environment;
    const isFirstImmediate = options.servers.urls.length === 1; // with several, the next one is tried at once
    this.#retryDelay = new RetryDelay({ longestMs: 30_000, isFirstImmediate, random });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when it is closed, or rejected by the server; never rejects. */
  async run(): Promise<void> {
    const { servers } = this.#options;
    while (!this.#isClosed) {
      this.#dataSince = undefined;
      const end = await this.#options.attempt();
      if (this.#isClosed) return;
      const error = this.#finalErrorOf(end);
      if (error) return this.#options.onRejected(error);
      if (end.kind === "unauthorized" && this.#lasted(TOKEN_LIFE_MS)) continue;
      if (this.#lasted(STABLE_MS)) {
        this.#retryDelay.reset();
        servers.reset();
      }
      const isMoving = leavesServer(end) && servers.leave(servers.url, end.cause);
      this.#options.onDisconnected(end, isMoving);
      const delayMs = isMoving
        ? MOVE_MS_MAX * this.#environment.random()
        : this.#retryDelay.nextMs(end.kind === "broken" && end.isGoingAway);
      if (delayMs > 0) await this.#wait(delayMs);
    }
  }

  /** The current attempt received data, so the server accepted its token. */
  onData(): void {
    const { servers } = this.#options;
    servers.onAnswer(servers.url);
    this.#isTokenRejected = false;
    this.#dataSince ??= this.#environment.clock.now();
  }

  /** No attempt follows. The caller ends the current one. Has no effect a second time. */
  close(): void {
    this.#isClosed = true;
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
      const timer = this.#environment.clock.schedule(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/**
 * A token that was accepted for this long, milliseconds, has expired as planned. Its successor continues at once, and the
 * state in between is not stale.
 */
const TOKEN_LIFE_MS = 1_000;

/** The longest delay before the next server is tried, so that not all clients of a lost server arrive there at once. */
const MOVE_MS_MAX = 200;

/** A subscription that lasted this long, milliseconds, resets the backoff. */
const STABLE_MS = 10_000;
