/**
 * Workers that report over HTTP, each on a job of its own over a connection of its own, with one request under way:
 * `updateTask`, whose `done` is the time at which it was to be sent. Plain sockets, in one light process.
 */
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { answerAsked } from "../measured.mjs";
import { DATABASE, keyOf, microsNow } from "./watch.mjs";

const MUTATION = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }`;

class Worker {
  #url;
  #key;
  #socket;
  /** What waits for its answer. */
  #request;
  #answered;
  #missing = 0;
  #latest = Promise.resolve();

  constructor(url, key) {
    this.#url = new URL(url);
    this.#key = key;
  }

  /** Resolves when it has been answered. What was asked for before is sent before. */
  report(micros) {
    this.#latest = this.#latest.then(() => this.#post(micros));
    return this.#latest;
  }

  #post(micros) {
    const input = { database: DATABASE, ...this.#key, updates: [{ path: "", done: micros }] };
    const body = JSON.stringify({ query: MUTATION, variables: { input } });
    this.#request =
      `POST /graphql HTTP/1.1\r\nHost: ${this.#url.host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    this.#socket ??= this.#connect();
    this.#socket.write(this.#request);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  /** A server closes what was idle for some seconds: what was not answered then is sent again, and counts once. */
  #connect() {
    const { hostname, port } = this.#url;
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", () => {}); // it is closed then
    socket.on("close", () => {
      this.#socket = this.#request === undefined ? undefined : this.#connect();
      this.#socket?.write(this.#request);
    });
    return socket;
  }

  /** Of an answer the length is read, and whether it is one of success. */
  #read(chunk) {
    if (this.#missing === 0) this.#missing = lengthOf(chunk);
    this.#missing -= chunk.length;
    if (chunk.includes(`"errors"`)) throw new Error(chunk.toString());
    if (this.#missing > 0) return;
    this.#request = undefined;
    this.#answered();
  }
}

/** Of the whole answer, head included. */
function lengthOf(chunk) {
  const end = chunk.indexOf("\r\n\r\n");
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(chunk.latin1Slice(0, end)) ?? [];
  if (length === undefined) throw new Error(`No Content-Length: ${chunk}`);
  return end + 4 + Number(length);
}

let workers = [];

answerAsked("", {
  open({ url, count }) {
    workers = Array.from({ length: count }, (_, at) => new Worker(url, keyOf(at, count)));
  },

  /** All workers report one after the other, until `count` reports in all are answered. */
  async report({ count }) {
    let left = count;
    const reportOn = async (worker) => {
      while (left-- > 0) await worker.report(microsNow());
    };
    await Promise.all(workers.map(reportOn));
  },

  /** Reports so many times a second, in turn, whether or not what was sent before has been answered. */
  async reportAtRate({ perSecond, seconds }) {
    const began = performance.now();
    for (let sent = 0; sent < perSecond * seconds; sent++) {
      await setTimeout(Math.max(0, began + (sent * 1_000) / perSecond - performance.now()));
      void workers[sent % workers.length].report(microsNow());
    }
  },
});
