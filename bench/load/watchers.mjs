/**
 * Many watchers in one process. Each is a raw socket that knows just enough of WebSocket and graphql-transport-ws to
 * subscribe, reads the kind and position at the start of each event, and skips the rest.
 */
import { connect } from "node:net";
import { answerRequests } from "../measured.mjs";

const QUERY = `subscription ($after: Position) { taskEvents(database: "d", after: $after) {
  kind: __typename position
  ... on TaskStored { userTask { username jobId version task { description status progress { done volume percent } } } }
  ... on TaskUpdated {
    userTask { username jobId version task { description status progress { done volume percent } } }
    changed { path description status progress { done volume percent } }
  }
} }`;
/** Kind and position are within this many bytes of a message. */
const HEAD_BYTES = 140;
const RETRY_MS = 250;
const [TEXT, PING, PONG] = [1, 9, 10];

const watchers = [];
let events = 0;
let resets = 0;
let refused = 0;
let liveCount = 0;
let allLive = () => {};

class Watcher {
  position;
  isLive = false;
  #socket;
  #bytes = Buffer.alloc(0);
  #isOpen = false;
  #skip = 0;
  #isGone = false;
  #urls;
  /** The number of its connections that failed. */
  #failures = 0;

  /** @param urls of the servers; when a connection fails, it moves on to the next one */
  constructor(urls) {
    this.#urls = urls;
  }

  connect() {
    this.#isGone = false;
    this.#isOpen = false;
    this.#bytes = Buffer.alloc(0);
    this.#skip = 0;
    const { hostname, port } = this.#urls[this.#failures % this.#urls.length];
    const socket = (this.#socket = connect({ host: hostname, port: Number(port), noDelay: true }));
    socket.on("error", () => {});
    socket.on("close", () => this.#closed(socket));
    socket.on("data", (chunk) => this.#read(chunk));
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
    );
  }

  /** Disconnects without saying so. */
  lose() {
    this.#isGone = true;
    this.#socket.destroy();
    this.setLive(false);
  }

  setLive(isLive) {
    if (this.isLive === isLive) return;
    this.isLive = isLive;
    liveCount += isLive ? 1 : -1;
    if (liveCount === watchers.length) allLive();
  }

  #closed(socket) {
    if (this.#isGone || socket !== this.#socket) return;
    refused++;
    this.#failures++;
    this.setLive(false);
    setTimeout(() => this.connect(), RETRY_MS);
  }

  #read(chunk) {
    let bytes = chunk;
    if (this.#bytes.length > 0) {
      bytes = Buffer.concat([this.#bytes, chunk]);
      this.#bytes = EMPTY;
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
        this.#bytes = Buffer.from(bytes.subarray(at));
        return;
      }
      at = next;
    }
  }

  #handshake(bytes) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) {
      this.#bytes = Buffer.from(bytes);
      return bytes.length;
    }
    this.#isOpen = true;
    this.#send(TEXT, `{"type":"connection_init"}`);
    return end + 4;
  }

  /** Returns the offset up to which it has read, or `at` if too little of the frame has arrived. */
  #frame(bytes, at) {
    if (bytes.length < at + 2) return at;
    const short = bytes[at + 1];
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (bytes.length < start) return at;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    const read = Math.min(length, HEAD_BYTES);
    if (bytes.length < start + read) return at;
    this.#message(bytes[at] & 15, bytes.latin1Slice(start, start + read));
    this.#skip = length - read;
    return start + read;
  }

  #message(opcode, head) {
    if (opcode === PING) return this.#send(PONG, head);
    if (opcode !== TEXT) return;
    const position = valueOf(head, '"position":"');
    if (position === undefined) return this.#control(head);
    events++;
    this.position = position;
    if (head.includes('"kind":"Reset"')) resets++;
    if (head.includes('"kind":"CaughtUp"')) this.setLive(true);
  }

  #control(head) {
    if (!head.includes('"connection_ack"')) return;
    const payload = { query: QUERY, variables: { after: this.position } };
    this.#send(TEXT, JSON.stringify({ id: "1", type: "subscribe", payload }));
  }

  /** The mask is all zeros, so the payload needs no masking. */
  #send(opcode, text) {
    const payload = Buffer.from(text, "latin1");
    const { length } = payload;
    const header = length < 126 ? [length | 128] : [126 | 128, length >> 8, length & 255];
    this.#socket.write(Buffer.concat([Buffer.from([128 | opcode, ...header, 0, 0, 0, 0]), payload]));
  }
}

const EMPTY = Buffer.alloc(0);

function valueOf(text, name) {
  const from = text.indexOf(name);
  if (from < 0) return undefined;
  const start = from + name.length;
  return text.slice(start, text.indexOf('"', start));
}

answerRequests("", {
  /** Connects `count` more watchers, all at once. When `at` fails, they move on to the `others`. */
  open({ at, others = [], count }) {
    const urls = [at, ...others].map((url) => new URL(url));
    const more = Array.from({ length: count }, () => new Watcher(urls));
    watchers.push(...more);
    for (const watcher of more) watcher.connect();
  },

  /** All lose their connections, and do not reconnect. */
  lose() {
    for (const watcher of watchers) watcher.lose();
  },

  /** All reconnect at once and resume from their positions. */
  reconnect() {
    for (const watcher of watchers) watcher.connect();
  },

  /** Resolves when all are live, or after `withinMs`. Returns how many are, and the events that all have received. */
  async live({ withinMs }) {
    if (liveCount < watchers.length) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        allLive = () => resolve(clearTimeout(timer));
      });
    }
    return { live: liveCount, events, refused, resets };
  },

  /** Ends all. */
  clear() {
    for (const watcher of watchers) watcher.lose();
    watchers.length = 0;
    liveCount = 0;
    events = 0;
    refused = 0;
    resets = 0;
  },
});
