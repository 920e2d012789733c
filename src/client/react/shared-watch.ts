import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { Watch, WatchStatus } from "../watch/watch.js";
import type { WatchedJob } from "../watch/watched-job.js";
import { CONNECTING, connectionStateOf, invalidOptions, type ConnectionState } from "./connection-state.js";
import { cancelInNextFrame, runInNextFrame } from "./next-frame.js";

/** What components render. Immutable: a change is another object. */
export interface SharedWatchState {
  /** Complete, or empty until they are. */
  readonly jobs: readonly WatchedJob[];
  /** Whether `jobs` has been complete once. */
  readonly isLoaded: boolean;
  readonly connection: ConnectionState;
}

export const NOT_LOADED: SharedWatchState = { jobs: [], isLoaded: false, connection: CONNECTING };

export interface SharedWatchOptions {
  /** The address of the server, for messages. */
  readonly url: string;
  /** @throws TypeError if the address is invalid. */
  readonly open: () => Watch;
  /** Resolves with an error if no server answers. */
  readonly probe: () => Promise<TidemarkError | undefined>;
  /** The state has changed. Called before the listeners. */
  readonly onChange: () => void;
  /** No component has listened for a while, and the watch is closed. */
  readonly onClosed: () => void;
}

/**
 * A watch that several components use. It stays open for a moment after the last one has left, because React removes and
 * adds components when it shows another page, and twice in StrictMode.
 *
 * The state changes once per frame. It keeps the complete jobs of before while the watch loads or catches up, so that
 * components never show half a list.
 */
export class SharedWatch {
  readonly #options: SharedWatchOptions;
  readonly #watch: Watch | undefined;
  readonly #listeners = new Set<() => void>();
  #state = NOT_LOADED;
  #status: WatchStatus = { kind: "connecting" };
  #snapshot: ReadonlyMap<string, WatchedJob> | undefined;
  #closing: ReturnType<typeof setTimeout> | undefined;
  #probing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SharedWatchOptions) {
    this.#options = options;
    try {
      this.#watch = options.open();
      this.#watch.onChange(() => runInNextFrame(this.#refresh));
      this.#probing = setTimeout(() => void this.#probe(), PROBE_MS);
    } catch (cause) {
      this.#status = { kind: "closed", error: invalidOptions(cause) };
      this.#state = { ...NOT_LOADED, connection: connectionStateOf(this.#status, options.url) };
    }
  }

  get state(): SharedWatchState {
    return this.#state;
  }

  /** Whether the server has rejected it and no component listens, so that the next one should try again. */
  get isAbandoned(): boolean {
    return this.#listeners.size === 0 && (!this.#watch || this.#watch.status.kind === "closed");
  }

  subscribe(listener: () => void): () => void {
    clearTimeout(this.#closing);
    this.#listeners.add(listener);
    return () => {
      clearTimeout(this.#closing);
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#closing = setTimeout(() => this.#close(), LINGER_MS);
    };
  }

  #close(): void {
    this.#watch?.close();
    clearTimeout(this.#probing);
    cancelInNextFrame(this.#refresh);
    this.#options.onClosed();
  }

  /**
   * Says early that there is no server. Some servers of pages leave a WebSocket for an unknown path open, for example Vite
   * without a proxy, and the watch waits for 10 s before it tries the other transport.
   */
  async #probe(): Promise<void> {
    const error = this.#isWaiting() ? await this.#options.probe() : undefined;
    if (error && this.#isWaiting()) this.#replace({ ...this.#state, connection: { ...CONNECTING, error } });
  }

  #isWaiting(): boolean {
    const { status, error } = this.#state.connection;
    return status === "connecting" && !error;
  }

  readonly #refresh = (): void => {
    const { status, getSnapshot } = this.#watch!; // safe: the watch calls this
    const isLive = status.kind === "live";
    const snapshot = isLive ? getSnapshot() : this.#snapshot;
    const [isSameStatus, isSameSnapshot] = [status === this.#status, snapshot === this.#snapshot];
    if (isSameStatus && isSameSnapshot) return;
    const { jobs, isLoaded, connection } = this.#state;
    this.#status = status;
    this.#snapshot = snapshot;
    this.#replace({
      jobs: isSameSnapshot ? jobs : [...snapshot!.values()],
      isLoaded: isLoaded || isLive,
      connection: isSameStatus ? connection : connectionStateOf(status, this.#options.url),
    });
  };

  #replace(state: SharedWatchState): void {
    this.#state = state;
    this.#options.onChange();
    for (const listener of this.#listeners) listener();
  }
}

const LINGER_MS = 1_000;
const PROBE_MS = 2_000;
