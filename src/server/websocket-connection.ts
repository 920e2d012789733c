import type { Socket } from "node:net";
import type { WebSocket as ProtocolSocket } from "graphql-ws";
import type { WebSocket } from "ws";
import { CloseCode } from "../protocol/close-codes.js";
import type { EventResults, Outlet } from "../graphql/event-results.js";
import type { Pipeline } from "../graphql/pipeline.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import type { Log } from "../util/log.js";
import { SlowReaderWatch } from "./slow-reader.js";

/**
 * One WebSocket, as graphql-ws sees it.
 *
 * *Ids.* The protocol lets a client use an id again once it has completed the operation. graphql-ws 6.4.2
 * keeps operations by id until they have ended on the server too, and so takes the end of the old one for
 * that of the new one. Here each operation has an id of its own inside, and the client's is put back on what
 * goes out, so that the two never meet.
 *
 * *Back-pressure.* A subscription pulls its next event when the one before it is on its way and the socket has
 * room. A client that sends without reading what it asked for is not read from, until it has taken what waits
 * for it; nor is one whose queries and mutations are too many to be answered at once. So what a socket holds is
 * bounded, and TCP tells the client. Who reads nothing at all is closed after a while.
 */
export class WebSocketConnection implements ProtocolSocket, Outlet {
  readonly #webSocket: WebSocket;
  readonly #options: WebSocketConnectionOptions;
  /** The inner id of the operation that a client's id stands for now. */
  readonly #innerIds = new Map<string, string>();
  /** The client's id of each operation that has not ended on the server. */
  readonly #clientIds = new Map<string, string>();
  /** Those of them that are subscriptions, by inner id, with their results once they are open. */
  readonly #subscriptions = new Map<string, EventResults | undefined>();
  /** Events that were pulled and not written yet. */
  #unwritten = 0;
  #willEndTurn = false;
  /** Whether there are subscriptions that were not admitted. */
  #isHolding = false;
  #operations = 0;
  /** Pings that were sent since the client was heard of last, and characters beside them. */
  #unanswered = 0;
  #sentSince = 0;

  constructor(webSocket: WebSocket, socket: Socket, options: WebSocketConnectionOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    webSocket.on("pong", () => this.#heardOf());
    webSocket.on("error", (error) => this.#failed(error));
    const watch = new SlowReaderWatch(socket, {
      slowReaderMs: options.slowReaderMs,
      isWaiting: () => webSocket.bufferedAmount > 0 && webSocket.readyState === webSocket.OPEN,
      onSlow: () => this.#closeSlowReader(),
    });
    socket.on("timeout", () => watch.timedOut());
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  /**
   * Whether it may have one subscription more: the operation with this inner id. Those count that have not
   * ended, though their client may have completed them.
   */
  admitSubscription(innerId: string): boolean {
    if (this.#subscriptions.size >= this.#options.limits.subscriptionsPerSocketMax) return false;
    this.#subscriptions.set(innerId, undefined);
    return true;
  }

  /** Its results pull no more than this socket can take. */
  opened(innerId: string, results: EventResults): void {
    if (this.#subscriptions.has(innerId)) this.#subscriptions.set(innerId, results);
    results.pullInto(this);
  }

  admits(): boolean {
    this.#isHolding ||= !this.#hasRoom();
    return !this.#isHolding;
  }

  /** What is pulled is written later in the same turn of the event loop, unless its operation has ended. */
  filled(): void {
    this.#unwritten++;
    if (this.#willEndTurn) return;
    this.#willEndTurn = true;
    setImmediate(() => this.#turnEnded());
  }

  /** Resolves when the message is on its way. */
  send(message: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#webSocket.readyState !== this.#webSocket.OPEN) return resolve();
      this.#unwritten = Math.max(0, this.#unwritten - 1);
      this.#sentSince += message.length;
      this.#webSocket.send(this.#withClientId(message), () => {
        this.#balance();
        resolve();
      });
      this.#balance();
    });
  }

  close(code?: number, reason?: string): void {
    this.#webSocket.close(code, reason);
  }

  /**
   * Half-open connections are found by two pings of which the first was not answered. Where much was sent since
   * the client was heard of last, a ping waits behind it: then it has as long as a slow reader has. Where
   * something waits here, a ping would say nothing, and the connection is judged as a slow reader's; nor would
   * an answer be heard while the client is not read from.
   */
  ping(): void {
    if (this.#webSocket.bufferedAmount > 0 || this.#webSocket.isPaused) return this.#heardOf();
    const { slowReaderMs, keepAliveMs } = this.#options;
    const patience = this.#sentSince > PING_WAITS_BEHIND ? Math.ceil(slowReaderMs / keepAliveMs) : 1;
    if (this.#unanswered >= patience) return this.#webSocket.terminate();
    this.#unanswered++;
    this.#webSocket.ping();
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.#webSocket.on("message", (data) => {
      this.#receive(parsed(String(data)), handle).catch((error: unknown) => {
        this.#options.log.error({ err: error }, "a WebSocket message could not be handled");
        this.close(CloseCode.INTERNAL, "Internal server error");
      });
    });
  }

  async #receive(message: unknown, handle: (data: string) => Promise<void>): Promise<void> {
    // Safe: graphql-ws checks a message that comes parsed as it does one that it parses.
    const pass = handle as (message: unknown) => Promise<void>;
    if (!isFromClient(message)) return this.close(CloseCode.BAD_REQUEST, "Invalid message received");
    if (!hasId(message)) return pass(message);
    if (message.type === "subscribe") return this.#subscribe(message, pass);
    if (message.type === "complete") return this.#complete(message, pass);
    return pass(message);
  }

  async #subscribe(message: MessageWithId, pass: (message: unknown) => Promise<void>): Promise<void> {
    const { id } = message;
    if (this.#innerIds.has(id)) return this.close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, inUse(id));
    const innerId = String(++this.#operations);
    this.#innerIds.set(id, innerId);
    this.#clientIds.set(innerId, id);
    this.#balance();
    try {
      await pass({ ...message, id: innerId });
    } finally {
      this.#clientIds.delete(innerId);
      this.#subscriptions.delete(innerId);
      this.#balance();
      if (this.#innerIds.get(id) === innerId) this.#innerIds.delete(id);
    }
  }

  async #complete(message: MessageWithId, pass: (message: unknown) => Promise<void>): Promise<void> {
    const innerId = this.#innerIds.get(message.id);
    if (innerId === undefined) return;
    this.#innerIds.delete(message.id);
    await pass({ ...message, id: innerId });
  }

  /** ws closes the socket by itself, with 1009 where a message was too large. */
  #failed(error: Error): void {
    const { pipeline, limits, log } = this.#options;
    log.debug({ err: error }, "a WebSocket failed");
    const isTooBig = "code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    if (isTooBig)
      pipeline.refuse(limitExceeded("messageBytesMax", "A message is too large", limits.messageBytesMax));
  }

  #heardOf(): void {
    this.#unanswered = 0;
    this.#sentSince = 0;
  }

  #closeSlowReader(): void {
    this.#options.onSlowReaderClosed();
    this.close(CloseCode.SLOW_READER, "Nothing was read. Come back with your position.");
    for (const results of this.#subscriptions.values()) void results?.return();
  }

  /** graphql-ws writes the id first. */
  #withClientId(message: string): string {
    const [prefix, innerId] = ID_FIRST.exec(message) ?? [];
    const id = innerId === undefined ? undefined : this.#clientIds.get(innerId);
    if (prefix === undefined || id === undefined) return message;
    return `{"id":${JSON.stringify(id)}${message.slice(prefix.length)}`;
  }

  /** Reads from the client, and lets its subscriptions pull, as long as there is room for what comes of it. */
  #balance(): void {
    if (this.#isHolding && this.#hasRoom()) this.#resumeSubscriptions();
    const isBusy =
      this.#holdsTooMuch() || this.#clientIds.size - this.#subscriptions.size > OPERATIONS_A_SOCKET;
    if (isBusy && !this.#webSocket.isPaused) this.#webSocket.pause();
    if (!isBusy && this.#webSocket.isPaused) this.#webSocket.resume();
  }

  #hasRoom(): boolean {
    const isOpen = this.#webSocket.readyState === this.#webSocket.OPEN;
    return isOpen && !this.#holdsTooMuch() && this.#unwritten < UNWRITTEN_MAX;
  }

  #turnEnded(): void {
    this.#willEndTurn = false;
    this.#unwritten = 0;
    this.#balance();
  }

  #resumeSubscriptions(): void {
    this.#isHolding = false;
    for (const results of this.#subscriptions.values()) results?.resume();
  }

  #holdsTooMuch(): boolean {
    return this.#webSocket.bufferedAmount > this.#options.limits.waitingBytesPerSocketMax;
  }
}

/** Queries and mutations of one socket that are under way at a time; more are read when some are answered. */
const OPERATIONS_A_SOCKET = 100;

/** Characters behind which a ping may be late. */
const PING_WAITS_BEHIND = 64 * 1_024;

/** Events of one socket that are pulled before it is known how large they are. */
const UNWRITTEN_MAX = 8;

export interface WebSocketConnectionOptions {
  readonly pipeline: Pipeline;
  readonly limits: Limits;
  /** Between two pings, milliseconds. */
  readonly keepAliveMs: number;
  /** How long a reader may take nothing of what waits for it, milliseconds. */
  readonly slowReaderMs: number;
  readonly onSlowReaderClosed: () => void;
  readonly log: Log;
}

interface MessageWithId {
  readonly id: string;
  readonly type: unknown;
}

/** What graphql-ws would take for a defect of the server. */
function isFromClient(message: unknown): boolean {
  const type =
    typeof message === "object" && message !== null && "type" in message ? message.type : undefined;
  return CLIENT_MESSAGES.some((known) => known === type);
}

const CLIENT_MESSAGES = ["connection_init", "ping", "pong", "subscribe", "complete"];

/** The reason of a close frame has 123 bytes at most. */
function inUse(id: string): string {
  const reason = `Subscriber for ${id} already exists`;
  return Buffer.byteLength(reason) <= 123 ? reason : "Subscriber already exists";
}

const ID_FIRST = /^\{"id":"(\d+)"/;

/** undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hasId(message: unknown): message is MessageWithId {
  return (
    typeof message === "object" &&
    message !== null &&
    "id" in message &&
    typeof message.id === "string" &&
    message.id !== "" &&
    "type" in message
  );
}
