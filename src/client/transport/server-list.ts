/** A client has moved from one server to another. */
export interface ServerMove {
  /** The address of the server that failed. */
  readonly from: string;
  /** The address of the server that answered instead. */
  readonly to: string;
  /** Why the first one was left. */
  readonly cause: unknown;
}

/**
 * The servers that a client may use, any of which does. The client uses one until that fails, then the next one, and never
 * goes back by itself: otherwise all clients would return to a server at the moment at which it starts.
 */
export class ServerList {
  #urls: readonly string[];
  readonly #onMoved: ((move: ServerMove) => void) | undefined;
  /** The server that answered last; the first one before any has. */
  #answered: string;
  /** Why that server was left. */
  #cause: unknown;
  #failureCount = 0;

  /** @param onMoved is called once another server than before has answered. */
  constructor(urls: readonly string[], onMoved?: (move: ServerMove) => void) {
    this.#urls = [...urls];
    this.#answered = this.url;
    this.#onMoved = onMoved;
  }

  /** All addresses: the one in use, then the others in the order in which they are tried. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** The address of the server in use. */
  get url(): string {
    return this.#urls[0]!; // safe: a parsed list is not empty
  }

  /**
   * Moves on from a server that failed, unless another request already has.
   * @returns whether there is a server that has not failed since the latest `reset`
   */
  leave(url: string, cause: unknown): boolean {
    if (url === this.url) {
      if (url === this.#answered) this.#cause = cause;
      this.#urls = [...this.#urls.slice(1), url];
      this.#failureCount++;
    }
    return this.#failureCount % this.#urls.length > 0;
  }

  /** A server answered. */
  onAnswer(url: string): void {
    const from = this.#answered;
    if (url !== this.url || url === from) return;
    this.#answered = url;
    this.#onMoved?.({ from, to: url, cause: this.#cause });
  }

  /** The server in use works, so all others may be tried again. */
  reset(): void {
    this.#failureCount = 0;
  }
}
