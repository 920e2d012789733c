import { LARGE_ANSWER_BYTES } from "../../graphql/pipeline/answer-backlog.js";
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
import { LARGE_JSON_BYTES, parseJsonBytes } from "../../util/json-bytes.js";
import { utf8AsLatin1 } from "../../util/latin1.js";
import type { Clock } from "../../util/clock.js";
import type { Log } from "../../util/log.js";
import { TokenBucket } from "../../util/token-bucket.js";
import type { TurnQueue } from "../../util/turn-queue.js";
import { frameOf, SharedFrames } from "./shared-frames.js";
import { FrameWriter, type WriteQueue } from "./frame-writer.js";
import type { WatcherConnection } from "../paced-close.js";
import type { Client, RefusalLog } from "../refusal-log.js";
import { SlowReaderMonitor, type MonitoredConnection } from "../slow-reader.js";
import { WebSocketSubscription, type ResultSocket } from "./websocket-subscription.js";

/**
 * One WebSocket, as graphql-ws sees it.
 *
 * *Ids.* The protocol lets a client reuse an id once it has completed the operation. graphql-ws 6.4.2 keeps operations
 * by id until they have also ended on the server, so the end of the old operation would end the new one. Therefore each
 * operation has a unique inner id, and outgoing messages get the client's id back.
 *
 * *Backpressure.* A subscription sends its next event when the socket has room. The server stops reading from a client
 * that does not read its results, that has too many queries and mutations in progress, or whose large message waits. So memory per socket is
 * bounded, and TCP slows the client down. The server closes a socket whose client reads nothing for `slowReaderMs`.
 */
export class WebSocketConnection
  implements ProtocolSocket, ResultSocket, MonitoredConnection, WatcherConnection
{
  /** The client of the request that opened the socket. */
  readonly client: Client;
  readonly serverUrl: string;
  readonly #webSocket: WebSocket;
  readonly #writer: FrameWriter;
  readonly #options: WebSocketConnectionOptions;
  /** By client id: operations that the client has not completed. */
  readonly #byClientId = new Map<string, Operation>();
  /** By inner id: operations that have not ended on the server. */
  readonly #operations = new Map<string, Operation>();
  #subscriptionCount = 0;
  /** Whether subscriptions wait for room. */
  #hasPausedSubscriptions = false;
  #operationsBegun = 0;
  readonly #messageRate: TokenBucket | undefined;
  /** Messages that are not parsed yet. */
  #waitingForTurn = 0;
  #caller: Caller | undefined;
  #unwatchCaller = (): void => {};
  /** Pings and bytes sent since the last sign of life. */
  #unansweredPings = 0;
  #bytesSinceSignOfLife = 0;

  constructor(webSocket: WebSocket, socket: Socket, opening: Opening, options: WebSocketConnectionOptions) {
    this.#webSocket = webSocket;
    this.client = opening.client;
    this.serverUrl = opening.serverUrl;
    this.#options = options;
    this.#writer = new FrameWriter(webSocket, socket, options.outgoing, () => this.#balance());
    webSocket.once("close", () => this.#unwatchCaller());
    webSocket.on("pong", () => this.#onSignOfLife());
    const { messagesPerSecondMax } = options.limits;
    if (messagesPerSecondMax !== Infinity)
      this.#messageRate = new TokenBucket(messagesPerSecondMax, options.clock);
    if (this.#messageRate) webSocket.on("ping", () => this.#isWithinRate());
    webSocket.on("error", (error) => this.#onError(error));
    const monitor = new SlowReaderMonitor(socket, this, options.slowReaderMs);
    socket.on("timeout", () => monitor.onTimeout());
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  get isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  /** The authenticated caller. graphql-ws allows no operation before `connection_init`. */
  get caller(): Caller {
    assert(this.#caller, "operations follow connection_init");
    return this.#caller;
  }

  /** Binds the socket to its caller; it closes when the caller expires. @throws TidemarkError LIMIT_EXCEEDED */
  admit(caller: Caller): void {
    if (!this.isOpen) return;
    this.#webSocket.once("close", this.#options.callerConnections.open(caller));
    this.#caller = caller;
    this.#unwatchCaller = caller.onExpired(() => this.#closeExpired());
  }

  /** Closes the socket because authentication or a limit failed. */
  rejectInit({ errors: [error] }: RejectedOperation, isWithoutToken: boolean): void {
    const code = error?.extensions["code"];
    if (code === "LIMIT_EXCEEDED") return this.close(CloseCode.LIMIT_EXCEEDED, error?.message);
    if (code === "FORBIDDEN")
      return this.close(CloseCode.INVALID_TOKEN, "Forbidden: the token grants no rights");
    if (code !== "UNAUTHENTICATED") return this.close(CloseCode.TRY_AGAIN_LATER, "Try again later");
    if (isWithoutToken)
      return this.close(CloseCode.UNAUTHORIZED, "Unauthorized: this server requires a token");
    this.close(CloseCode.INVALID_TOKEN, "Forbidden: invalid or expired token");
  }

  /** Names an operation in errors and in the log: the id of the socket's request, and the number of the operation. */
  requestIdOf(innerId: string): string {
    return `${this.client.requestId}:${innerId}`;
  }

  /** The parameters of an operation, as received. They are released. */
  takePayload(innerId: string): unknown {
    const operation = this.#operations.get(innerId)!;
    const { payload } = operation;
    operation.payload = undefined;
    return payload;
  }

  /**
   * Counts the operation as a subscription, or returns false above the limit. Subscriptions count until they have ended
   * on the server, even if the client has completed them.
   */
  admitSubscription(innerId: string): boolean {
    if (this.#subscriptionCount >= this.#options.limits.subscriptionsPerSocketMax) return false;
    this.#subscriptionCount++;
    this.#operations.get(innerId)!.isSubscription = true;
    return true;
  }

  /** Returns the iterable that graphql-ws waits for; the results bypass graphql-ws. */
  opened(innerId: string, results: EventResults): WebSocketSubscription {
    const operation = this.#operations.get(innerId)!;
    const start = utf8AsLatin1(`{"id":${JSON.stringify(operation.clientId)},"type":"next","payload":`);
    return (operation.subscription = new WebSocketSubscription(this, results, start));
  }

  canSend(): boolean {
    if (this.#caller?.isExpired) this.#closeExpired();
    this.#hasPausedSubscriptions ||= !this.isOpen || !this.#hasRoom();
    return !this.#hasPausedSubscriptions;
  }

  /** Resolves immediately: backpressure comes from not reading from the client. */
  async send(message: string): Promise<void> {
    if (!this.isOpen) return;
    const frame = frameOf(utf8AsLatin1(this.#withClientId(message)));
    this.#bytesSinceSignOfLife += frame.length;
    this.#writer.send(frame);
    if (frame.length >= LARGE_ANSWER_BYTES) this.#options.pipeline.backlog.add(this.#writer);
  }

  sendResults(start: string, results: EventBatch<EventResult>): number {
    const frames = results.memoize(start.length, () => sharedFrames(start.length, results));
    const count = frames.countWithin(
      this.#options.limits.waitingBytesPerSocketMax - this.#writer.pendingBytes,
    );
    if (count > 0) this.#bytesSinceSignOfLife += this.#writer.sendShared(frames, start, count);
    return count;
  }

  close(code?: number, reason?: string): void {
    if (code === CloseCode.INIT_TIMEOUT) this.#options.onInitTimeout();
    this.#writer.flush();
    this.#webSocket.close(code, reason);
  }

  get isWaiting(): boolean {
    return this.isOpen && this.#webSocket.bufferedAmount > 0;
  }

  closeSlowReader(): void {
    this.#options.onSlowReaderClosed(this.client);
    this.close(CloseCode.SLOW_READER, "Slow reader: nothing was read. Reconnect with your position.");
    for (const { subscription } of this.#operations.values()) void subscription?.return();
  }

  /**
   * Detects half-open connections: terminates the socket if the previous ping was not answered. A ping can be delayed
   * behind much data; then the client has as long as a slow reader. Pings are skipped while data is pending, since the
   * slow reader monitor covers that, and while the server does not read from the client, since it would miss the pong.
   */
  ping(): void {
    if (this.#webSocket.bufferedAmount > 0 || this.#webSocket.isPaused) return this.#onSignOfLife();
    const { slowReaderMs, keepAliveMs } = this.#options;
    const unansweredMax =
      this.#bytesSinceSignOfLife > PING_DELAY_BYTES ? Math.ceil(slowReaderMs / keepAliveMs) : 1;
    if (this.#unansweredPings >= unansweredMax) return this.#webSocket.terminate();
    this.#unansweredPings++;
    this.#webSocket.ping();
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    // Safe: ws gives every message as one buffer unless told otherwise.
    this.#webSocket.on("message", (data) => {
      if (!this.#isWithinRate()) return;
      this.#receiveInTurn(data as Buffer, handle).catch((error: unknown) => {
        this.#options.log.error({ err: error, ...this.client }, "handling a WebSocket message failed");
        this.close(CloseCode.INTERNAL, "Internal server error");
      });
    });
  }

  /** A large message waits for a turn of the event loop, and so do the messages behind it. */
  async #receiveInTurn(bytes: Buffer, handle: (data: string) => Promise<void>): Promise<void> {
    if (bytes.length > LARGE_JSON_BYTES || this.#waitingForTurn > 0) await this.#turn();
    if (this.isOpen) await this.#receive(parseJson(bytes), handle);
  }

  async #turn(): Promise<void> {
    this.#waitingForTurn++;
    this.#balance();
    await this.#options.parsing.next(this);
    this.#waitingForTurn--;
    this.#balance();
  }

  /** Counts a message and closes the socket above the limit. Ignores messages while it closes. */
  #isWithinRate(): boolean {
    if (!this.#messageRate) return true;
    if (!this.isOpen) return false;
    if (this.#messageRate.take() === 0) return true;
    const { limits, pipeline, refusals } = this.#options;
    const { messagesPerSecondMax } = limits;
    const error = limitExceeded("messagesPerSecondMax", "Too many messages per second", messagesPerSecondMax);
    refusals.rejected(this.client, error);
    pipeline.reject(error);
    this.close(
      CloseCode.LIMIT_EXCEEDED,
      `More than ${messagesPerSecondMax} messages per second (messagesPerSecondMax)`,
    );
    return false;
  }

  async #receive(message: unknown, handle: (data: string) => Promise<void>): Promise<void> {
    // Safe: graphql-ws validates parsed messages like the ones it parses itself.
    const forward = handle as (message: unknown) => Promise<void>;
    if (!isFromClient(message)) return this.close(CloseCode.BAD_REQUEST, "Invalid message received");
    if (!hasId(message)) return forward(message);
    if (message.type === "subscribe") return this.#subscribe(message, forward);
    if (message.type === "complete") return this.#complete(message, forward);
    return forward(message);
  }

  async #subscribe(message: MessageWithId, forward: (message: unknown) => Promise<void>): Promise<void> {
    const { id: clientId } = message;
    if (this.#byClientId.has(clientId))
      return this.close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, alreadyExists(clientId));
    const innerId = String(++this.#operationsBegun);
    const operation: Operation = {
      clientId,
      innerId,
      payload: message.payload,
      isSubscription: false,
      subscription: undefined,
    };
    this.#byClientId.set(clientId, operation);
    this.#operations.set(innerId, operation);
    this.#balance();
    try {
      await forward({ id: innerId, type: "subscribe", payload: PAYLOAD });
    } finally {
      this.#operations.delete(innerId);
      if (operation.isSubscription) this.#subscriptionCount--;
      if (this.#byClientId.get(clientId) === operation) this.#byClientId.delete(clientId);
      this.#balance();
    }
  }

  async #complete(message: MessageWithId, forward: (message: unknown) => Promise<void>): Promise<void> {
    const operation = this.#byClientId.get(message.id);
    if (!operation) return;
    this.#byClientId.delete(message.id);
    await forward({ ...message, id: operation.innerId });
  }

  /** ws closes the socket itself, with 1009 if a message was too large. */
  #onError(error: Error): void {
    const { pipeline, limits, log } = this.#options;
    log.debug({ err: error, ...this.client }, "WebSocket failed");
    const isTooBig = errorCodeOf(error) === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    if (isTooBig)
      pipeline.reject(limitExceeded("messageBytesMax", "The message is too large", limits.messageBytesMax));
  }

  #closeExpired(): void {
    if (this.caller.endError.code === "UNAVAILABLE")
      return this.close(CloseCode.TRY_AGAIN_LATER, "Try again later: tokens cannot be verified");
    this.close(CloseCode.INVALID_TOKEN, "Forbidden: the token expired or was revoked");
  }

  #onSignOfLife(): void {
    this.#unansweredPings = 0;
    this.#bytesSinceSignOfLife = 0;
  }

  /** Replaces the inner id, which graphql-ws writes first. */
  #withClientId(message: string): string {
    const [prefix, innerId] = ID_FIRST.exec(message) ?? [];
    const operation = innerId === undefined ? undefined : this.#operations.get(innerId);
    if (prefix === undefined || !operation) return message;
    return `{"id":${JSON.stringify(operation.clientId)}${message.slice(prefix.length)}`;
  }

  /** Pauses or resumes the client's subscriptions and reading from it, by the room for results. */
  #balance(): void {
    if (this.#hasPausedSubscriptions && this.#hasRoom()) this.#resumeSubscriptions();
    const answering = this.#operations.size - this.#subscriptionCount;
    const isBusy = this.#waitingForTurn > 0 || !this.#hasRoom() || answering > OPERATIONS_PER_SOCKET_MAX;
    if (isBusy && !this.#webSocket.isPaused) this.#webSocket.pause();
    if (!isBusy && this.#webSocket.isPaused) this.#webSocket.resume();
  }

  #hasRoom(): boolean {
    return this.#writer.pendingBytes <= this.#options.limits.waitingBytesPerSocketMax;
  }

  #resumeSubscriptions(): void {
    this.#hasPausedSubscriptions = false;
    for (const { subscription } of this.#operations.values()) subscription?.resume();
  }
}

function sharedFrames(startLength: number, { values }: EventBatch<EventResult>): SharedFrames {
  const ends = values.map(({ latin1 }) => `${latin1}}`);
  return new SharedFrames(startLength, ends);
}

interface Operation {
  readonly clientId: string;
  readonly innerId: string;
  /** The parameters as received, until `takePayload`. */
  payload: unknown;
  isSubscription: boolean;
  /** Set once the subscription is open. */
  subscription: WebSocketSubscription | undefined;
}

/**
 * Stands for the payload of a `subscribe` message. graphql-ws closes the socket for a payload that it finds invalid, and
 * keeps each payload as long as its operation runs: a thousand subscribers would retain a thousand copies of one query.
 */
const PAYLOAD = { query: "" };

/** Queries and mutations of one socket that run at a time. */
const OPERATIONS_PER_SOCKET_MAX = 100;

/** Data that can delay a ping. */
const PING_DELAY_BYTES = 64 * 1_024;

/** What the request that opened the socket says. */
export interface Opening {
  readonly client: Client;
  /** The address of this server, as the client uses it. */
  readonly serverUrl: string;
}

export interface WebSocketConnectionOptions {
  readonly pipeline: Pipeline;
  readonly authenticator: Authenticator;
  readonly callerConnections: CallerCounts;
  readonly limits: Limits;
  readonly trustsProxy: boolean;
  /** Shared by all connections. */
  readonly outgoing: WriteQueue;
  readonly keepAliveMs: number;
  /** How long a reader may leave pending data unread. */
  readonly slowReaderMs: number;
  readonly refusals: RefusalLog;
  /** For large messages. */
  readonly parsing: TurnQueue;
  readonly onSlowReaderClosed: (client: Client) => void;
  /** How long a socket may be open before its `connection_init`. */
  readonly initTimeoutMs: number;
  readonly onInitTimeout: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface MessageWithId {
  readonly id: string;
  readonly type: unknown;
  readonly payload?: unknown;
}

/** Rejects messages that graphql-ws would report as a server error. */
function isFromClient(message: unknown): boolean {
  const type =
    typeof message === "object" && message !== null && "type" in message ? message.type : undefined;
  return CLIENT_MESSAGES.some((known) => known === type);
}

const CLIENT_MESSAGES = ["connection_init", "ping", "pong", "subscribe", "complete"];

/** A close reason may have at most 123 bytes. */
function alreadyExists(id: string): string {
  const reason = `Subscriber for ${id} already exists`;
  return Buffer.byteLength(reason) <= 123 ? reason : "Subscriber already exists";
}

const ID_FIRST = /^\{"id":"(\d+)"/;

/** undefined for invalid JSON or UTF-8, which a binary message may contain. */
function parseJson(bytes: Buffer): unknown {
  try {
    return parseJsonBytes(bytes);
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
