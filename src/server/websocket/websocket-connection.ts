import type { Socket } from "node:net";
import type { WebSocket as ProtocolSocket } from "graphql-ws";
import type { WebSocket } from "ws";
import type { Authenticator } from "../../auth/authenticator.js";
import type { Caller } from "../../auth/caller.js";
import type { CallerCounts } from "../../auth/caller-counts.js";
import { CloseCode } from "../../protocol/close-codes.js";
import type { EventResult, EventResults } from "../../graphql/pipeline/event-results.js";
import type { EventBatch } from "../../hub/live-group.js";
import type { Pipeline, RejectedOperation } from "../../graphql/pipeline/pipeline.js";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";
import { assert, errorCodeOf } from "../../util/assert.js";
import { utf8AsLatin1 } from "../../util/latin1.js";
import type { Clock } from "../../util/clock.js";
import type { Log } from "../../util/log.js";
import { TokenBucket } from "../../util/token-bucket.js";
import { frameOf, SharedFrames } from "./shared-frames.js";
import { FrameWriter, type WriteQueue } from "./frame-writer.js";
import { SlowReaderMonitor, type MonitoredConnection } from "../slow-reader.js";
import { WebSocketSubscription, type ResultSocket } from "./websocket-subscription.js";

/**
 * One WebSocket, as graphql-ws sees it.
 *
 * *Ids.* The protocol lets a client use an id again once it has completed the operation. graphql-ws 6.4.2
 * keeps operations by id until they have ended on the server too, and so takes the end of the old one for
 * that of the new one. Here each operation has an id of its own inside, and the client's is put back on what
 * goes out, so that the two never meet.
 *
 * *Back-pressure.* A subscription is told its next event when the socket has room. A client that sends without
 * reading what it asked for is not read from, until it has taken what waits for it; nor is one whose queries and
 * mutations are too many to be answered at once. So what a socket holds is bounded, and TCP tells the client. Who
 * reads nothing at all is closed after a while.
 */
export class WebSocketConnection implements ProtocolSocket, ResultSocket, MonitoredConnection {
  readonly #webSocket: WebSocket;
  readonly #outgoing: FrameWriter;
  readonly #options: WebSocketConnectionOptions;
  /** The operation that a client's id stands for now. */
  readonly #current = new Map<string, Operation>();
  /** Those that have not ended on the server, by inner id. */
  readonly #operations = new Map<string, Operation>();
  #subscriptionCount = 0;
  /** Whether there are subscriptions that were not admitted. */
  #isHolding = false;
  #operationsBegun = 0;
  /** Where messages are bounded. */
  readonly #bound: TokenBucket | undefined;
  #caller: Caller | undefined;
  #forgetCaller = (): void => {};
  /** Pings that were sent since the client was heard of last, and bytes beside them. */
  #unanswered = 0;
  #sentSince = 0;

  constructor(webSocket: WebSocket, socket: Socket, options: WebSocketConnectionOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    this.#outgoing = new FrameWriter(webSocket, socket, options.outgoing, () => this.#balance());
    webSocket.once("close", () => this.#forgetCaller());
    webSocket.on("pong", () => this.#heardOf());
    const { messagesPerSecondMax } = options.limits;
    if (messagesPerSecondMax !== Infinity) this.#bound = new TokenBucket(messagesPerSecondMax, options.clock);
    if (this.#bound) webSocket.on("ping", () => this.#isWithinRate());
    webSocket.on("error", (error) => this.#failed(error));
    const watch = new SlowReaderMonitor(socket, this, options.slowReaderMs);
    socket.on("timeout", () => watch.onTimeout());
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  /** Who asks: known once it was admitted, before which graphql-ws lets it ask nothing. */
  get caller(): Caller {
    assert(this.#caller, "nothing is asked before it is known who asks");
    return this.#caller;
  }

  /** It is known who asks. When that is over, so is the connection. @throws TidemarkError LIMIT_EXCEEDED */
  admit(caller: Caller): void {
    if (!this.#isOpen) return;
    this.#webSocket.once("close", this.#options.callerConnections.open(caller));
    this.#caller = caller;
    this.#forgetCaller = caller.onExpired(() => this.#tokenIsOver());
  }

  /** Who asks may not be connected, or is not known. */
  refuse({ errors: [error] }: RejectedOperation, isWithoutToken: boolean): void {
    const code = error?.extensions["code"];
    if (code === "LIMIT_EXCEEDED") return this.close(CloseCode.LIMIT_EXCEEDED, error?.message);
    if (code !== "UNAUTHENTICATED") return this.close(CloseCode.TRY_AGAIN_LATER, "Try again later");
    if (isWithoutToken) return this.close(CloseCode.UNAUTHORIZED, "Unauthorized: give a token");
    this.close(CloseCode.TOKEN_NOT_GOOD, "Forbidden: the token is not good");
  }

  /**
   * Whether it may have one subscription more: the operation with this inner id. Those count that have not
   * ended, though their client may have completed them.
   */
  admitSubscription(innerId: string): boolean {
    if (this.#subscriptionCount >= this.#options.limits.subscriptionsPerSocketMax) return false;
    this.#subscriptionCount++;
    this.#operations.get(innerId)!.isSubscription = true;
    return true;
  }

  /** What graphql-ws is to wait for the end of. The results go their own way to this socket. */
  opened(innerId: string, results: EventResults): WebSocketSubscription {
    const operation = this.#operations.get(innerId)!;
    const start = utf8AsLatin1(`{"id":${JSON.stringify(operation.clientId)},"type":"next","payload":`);
    return (operation.subscription = new WebSocketSubscription(this, results, start));
  }

  admits(): boolean {
    if (this.#caller?.isExpired) this.#tokenIsOver();
    this.#isHolding ||= !this.#isOpen || !this.#hasRoom();
    return !this.#isHolding;
  }

  /** Resolves at once: what waits is bounded by reading no more from who does not take it. */
  async send(message: string): Promise<void> {
    if (!this.#isOpen) return;
    const frame = frameOf(utf8AsLatin1(this.#withClientId(message)));
    this.#sentSince += frame.length;
    this.#outgoing.send(frame);
  }

  sendResults(start: string, results: EventBatch<EventResult>): number {
    const frames = results.memoize(start.length, () => sharedFrames(start.length, results));
    const count = frames.countWithin(
      this.#options.limits.waitingBytesPerSocketMax - this.#outgoing.pendingBytes,
    );
    if (count > 0) this.#sentSince += this.#outgoing.sendShared(frames, start, count);
    return count;
  }

  close(code?: number, reason?: string): void {
    if (code === CloseCode.INIT_TIMEOUT) this.#options.onInitTimeout();
    this.#outgoing.flush();
    this.#webSocket.close(code, reason);
  }

  get isWaiting(): boolean {
    return this.#isOpen && this.#webSocket.bufferedAmount > 0;
  }

  closeSlowReader(): void {
    this.#options.onSlowReaderClosed();
    this.close(CloseCode.SLOW_READER, "Nothing was read. Come back with your position.");
    for (const { subscription } of this.#operations.values()) void subscription?.return();
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
      if (!this.#isWithinRate()) return;
      this.#receive(parsed(String(data)), handle).catch((error: unknown) => {
        this.#options.log.error({ err: error }, "a WebSocket message could not be handled");
        this.close(CloseCode.INTERNAL, "Internal server error");
      });
    });
  }

  /** Counts a message, and closes the socket if it is one too many. What comes while it is closing is not read. */
  #isWithinRate(): boolean {
    if (!this.#bound) return true;
    if (!this.#isOpen) return false;
    if (this.#bound.take() === 0) return true;
    const { limits, pipeline } = this.#options;
    const { messagesPerSecondMax } = limits;
    pipeline.reject(limitExceeded("messagesPerSecondMax", "The messages of a second", messagesPerSecondMax));
    this.close(
      CloseCode.LIMIT_EXCEEDED,
      `More than ${messagesPerSecondMax} messages a second (messagesPerSecondMax)`,
    );
    return false;
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
    const { id: clientId } = message;
    if (this.#current.has(clientId)) return this.close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, inUse(clientId));
    const innerId = String(++this.#operationsBegun);
    const operation: Operation = { clientId, innerId, isSubscription: false, subscription: undefined };
    this.#current.set(clientId, operation);
    this.#operations.set(innerId, operation);
    this.#balance();
    try {
      await pass({ ...message, id: innerId });
    } finally {
      this.#operations.delete(innerId);
      if (operation.isSubscription) this.#subscriptionCount--;
      if (this.#current.get(clientId) === operation) this.#current.delete(clientId);
      this.#balance();
    }
  }

  async #complete(message: MessageWithId, pass: (message: unknown) => Promise<void>): Promise<void> {
    const operation = this.#current.get(message.id);
    if (!operation) return;
    this.#current.delete(message.id);
    await pass({ ...message, id: operation.innerId });
  }

  /** ws closes the socket by itself, with 1009 where a message was too large. */
  #failed(error: Error): void {
    const { pipeline, limits, log } = this.#options;
    log.debug({ err: error }, "a WebSocket failed");
    const isTooBig = errorCodeOf(error) === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    if (isTooBig)
      pipeline.reject(limitExceeded("messageBytesMax", "A message is too large", limits.messageBytesMax));
  }

  #tokenIsOver(): void {
    this.close(CloseCode.TOKEN_NOT_GOOD, "Forbidden: the token is no longer good");
  }

  #heardOf(): void {
    this.#unanswered = 0;
    this.#sentSince = 0;
  }

  /** graphql-ws writes the id first. */
  #withClientId(message: string): string {
    const [prefix, innerId] = ID_FIRST.exec(message) ?? [];
    const operation = innerId === undefined ? undefined : this.#operations.get(innerId);
    if (prefix === undefined || !operation) return message;
    return `{"id":${JSON.stringify(operation.clientId)}${message.slice(prefix.length)}`;
  }

  /** Reads from the client, and lets its subscriptions pull, as long as there is room for what comes of it. */
  #balance(): void {
    if (this.#isHolding && this.#hasRoom()) this.#resumeSubscriptions();
    const answering = this.#operations.size - this.#subscriptionCount;
    const isBusy = !this.#hasRoom() || answering > OPERATIONS_A_SOCKET;
    if (isBusy && !this.#webSocket.isPaused) this.#webSocket.pause();
    if (!isBusy && this.#webSocket.isPaused) this.#webSocket.resume();
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  #hasRoom(): boolean {
    return this.#outgoing.pendingBytes <= this.#options.limits.waitingBytesPerSocketMax;
  }

  #resumeSubscriptions(): void {
    this.#isHolding = false;
    for (const { subscription } of this.#operations.values()) subscription?.resume();
  }
}

function sharedFrames(startLength: number, { values }: EventBatch<EventResult>): SharedFrames {
  const ends = values.map(({ latin1 }) => `${latin1}}`);
  return new SharedFrames(startLength, ends);
}

/** What a client has asked for, and what has come of it. */
interface Operation {
  readonly clientId: string;
  readonly innerId: string;
  isSubscription: boolean;
  /** Once it is open. */
  subscription: WebSocketSubscription | undefined;
}

/** Queries and mutations of one socket that are under way at a time; more are read when some are answered. */
const OPERATIONS_A_SOCKET = 100;

/** Bytes behind which a ping may be late. */
const PING_WAITS_BEHIND = 64 * 1_024;

export interface WebSocketConnectionOptions {
  readonly pipeline: Pipeline;
  readonly authenticator: Authenticator;
  readonly callerConnections: CallerCounts;
  readonly limits: Limits;
  /** Shared by all connections. */
  readonly outgoing: WriteQueue;
  /** Between two pings, milliseconds. */
  readonly keepAliveMs: number;
  /** How long a reader may take nothing of what waits for it, milliseconds. */
  readonly slowReaderMs: number;
  readonly onSlowReaderClosed: () => void;
  /** How long it may be open without its initialisation, milliseconds. */
  readonly initTimeoutMs: number;
  readonly onInitTimeout: () => void;
  readonly clock: Clock;
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
