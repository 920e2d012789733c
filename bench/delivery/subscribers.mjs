/**
 * Many subscribers in one light process, so that the server is the bottleneck. They are raw sockets that know just enough
 * of WebSocket and graphql-transport-ws to subscribe, and then count events by the lengths in the frame headers. Payloads
 * are read only for the first subscriber, or for all of them while latencies are recorded.
 */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as setTimer } from "node:timers";
import { setTimeout } from "node:timers/promises";
import { answerRequests } from "../measured.mjs";
import { microsNow } from "./watch.mjs";

/** The minimum size of an event; shorter messages (CaughtUp) do not count. */
const EVENT_BYTES = 300;
/** The minimum size of the mark that ends a run. */
const MARK_BYTES = 800;
const QUIET_MS = 300;
const OPENING_AT_ONCE = 100;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Shared by all sockets, as a chunk is processed as soon as it is read. */
const buffer = Buffer.allocUnsafe(256 * 1_024);

const subscribers = [];
let counts = { events: 0, marks: 0 };
let awaited = { what: "events", count: Infinity, reached() {} };
let failure;
let readAt = 0;
/** Milliseconds; undefined while latencies are not recorded. */
let latencies;

class Subscriber {
  #socket;
  #subscribe;
  #isFirst;
  #isOpen = false;
  #ready;
  /** The remaining bytes of a skipped event. */
  #skip = 0;
  /** The first part of an incomplete frame. */
  #part;
  latest;

  static open(url, subscription, isFirst) {
    return new Promise((resolve) => {
      const subscriber = new Subscriber(url, subscription, isFirst, () => resolve(subscriber));
    });
  }

  constructor({ hostname, port, pathname }, { query, variables }, isFirst, ready) {
    this.#subscribe = { id: randomUUID(), type: "subscribe", payload: { query, variables } };
    this.#isFirst = isFirst;
    this.#ready = ready;
    const onread = { buffer, callback: (bytes) => this.#read(buffer.subarray(0, bytes)) };
    this.#socket = connect({ host: hostname, port: Number(port), onread });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", fail);
    this.#socket.on(
      "close",
      () =>
        this.#ready !== undefined &&
        fail(new Error("The server closed a connection before the subscription.")),
    );
    this.#socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
    );
  }

  /** Returns true, which makes the socket read on. */
  #read(chunk) {
    readAt = performance.now();
    let bytes = chunk;
    if (this.#part) {
      bytes = Buffer.concat([this.#part, chunk]);
      this.#part = undefined;
    }
    let at = this.#isOpen ? 0 : this.#handshake(bytes);
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const next = this.#frame(bytes, at);
      if (next === at) {
        this.#part = Buffer.from(bytes.subarray(at));
        break;
      }
      at = next;
    }
    return true;
  }

  /** Returns the offset of the first frame. */
  #handshake(bytes) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) {
      this.#part = Buffer.from(bytes);
      return bytes.length;
    }
    const status = bytes.toString("latin1", 0, 12);
    if (status !== "HTTP/1.1 101") fail(new Error(bytes.toString("latin1")));
    this.#isOpen = true;
    this.#send(TEXT, `{"type":"connection_init"}`);
    return end + 4;
  }

  /** Returns the offset of the next frame, or `at` if this one is incomplete. */
  #frame(bytes, at) {
    if (bytes.length < at + 2) return at;
    const short = bytes[at + 1];
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (bytes.length < start) return at;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    const end = start + length;
    if (length >= EVENT_BYTES && !this.#isFirst && !latencies) {
      this.#skip = length;
      this.#count(length);
      return start;
    }
    if (bytes.length < end) return at;
    const payload = bytes.subarray(start, end);
    if (length < EVENT_BYTES) this.#control(bytes[at] & 15, payload);
    else this.#event(payload);
    return end;
  }

  #event(payload) {
    if (this.#isFirst) this.latest = payload.toString();
    if (payload.length < MARK_BYTES) latencies?.push((microsNow() - doneOf(payload)) / 1_000);
    this.#count(payload.length);
  }

  #count(length) {
    if (length >= MARK_BYTES) counts.marks++;
    else counts.events++;
    if (counts[awaited.what] >= awaited.count) awaited.reached();
  }

  #control(opcode, payload) {
    if (opcode === PING) return this.#send(PONG, payload.toString("latin1"));
    if (opcode === PONG) return;
    const text = payload.toString();
    if (opcode === CLOSE) return fail(new Error(`The server closed a connection: ${text}`));
    const { type } = JSON.parse(text);
    if (type === "connection_ack") this.#sendText(this.#subscribe, { type: "ping" });
    else if (type === "pong") this.#opened();
    else if (type === "ping") this.#sendText({ type: "pong" });
    else if (type !== "next" || text.includes(`"errors"`)) fail(new Error(text));
  }

  /** The server answered the ping that was sent after the subscription. */
  #opened() {
    this.#ready?.();
    this.#ready = undefined;
  }

  #sendText(...messages) {
    for (const message of messages) this.#send(TEXT, JSON.stringify(message));
  }

  /** The mask is all zeros, so the payload needs no masking. */
  #send(opcode, text) {
    const payload = Buffer.from(text);
    const { length } = payload;
    const header = length < 126 ? [length | 128] : [126 | 128, length >> 8, length & 255];
    this.#socket.write(Buffer.concat([Buffer.from([128 | opcode, ...header, 0, 0, 0, 0]), payload]));
  }
}

function fail(error) {
  failure ??= error;
  awaited.reached();
}

/** The `done` of an event, which is the time when it was reported. */
function doneOf(payload) {
  const from = payload.indexOf(DONE) + DONE.length;
  return Number(payload.latin1Slice(from, payload.indexOf(COMMA, from)));
}

const DONE = Buffer.from(`"done":`);
const COMMA = 44;

function percentile(sorted, share) {
  return sorted[Math.floor(sorted.length * share)] ?? null;
}

answerRequests("", {
  /** Opens `count` more. `$` in a variable stands for the subscriber's number. Resolves when all are subscribed. */
  async open({ url, count, query, variables }) {
    if (failure) throw failure;
    const first = subscribers.length;
    let next = first;
    const openSome = async () => {
      while (next < first + count) {
        const number = next++;
        const own = Object.fromEntries(
          Object.entries(variables).map(([name, value]) => [name, value.replaceAll("$", number)]),
        );
        subscribers[number] = await Subscriber.open(new URL(url), { query, variables: own }, number === 0);
      }
    };
    await Promise.race([
      Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome)),
      new Promise(
        (_, reject) => (awaited = { what: "events", count: Infinity, reached: () => reject(failure) }),
      ),
    ]);
  },

  /** Resolves when `count` of `what` (events, marks) have arrived since the last call. Returns the number of each. */
  async received({ what, count, withinMs }) {
    await new Promise((resolve) => {
      const timer = setTimer(() => {
        const { events, marks } = counts;
        fail(
          new Error(
            `Expected ${count} ${what} within ${withinMs} ms, received ${events} events and ${marks} marks`,
          ),
        );
      }, withinMs);
      const reached = () => {
        clearTimeout(timer);
        resolve();
      };
      awaited = { what, count, reached };
      if (failure || counts[what] >= count) reached();
    });
    awaited = { what: "events", count: Infinity, reached() {} };
    if (failure) throw failure;
    const result = counts;
    counts = { events: 0, marks: 0 };
    return result;
  },

  /** The latest message to the first subscriber, as text. */
  latest: () => subscribers[0].latest,

  /** Resolves when nothing has arrived for a while. */
  async quiet() {
    while (performance.now() - readAt < QUIET_MS) await setTimeout(QUIET_MS / 3);
    counts = { events: 0, marks: 0 };
  },

  /** Starts to record latencies. */
  time() {
    latencies = [];
  },

  /** The latencies since `time`, in milliseconds. */
  times() {
    const sorted = Float64Array.from(latencies).toSorted();
    return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  },
});
