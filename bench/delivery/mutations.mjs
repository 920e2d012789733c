/**
 * Workers that report over HTTP. Each has its own job and its own connection with one request in flight: `updateTask`,
 * whose `done` is its scheduled time. Plain sockets in one light process.
 */
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { answerRequests } from "../measured.mjs";
import { DATABASE, keyOf, microsNow } from "./watch.mjs";

const MUTATION = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }`;

class Worker {
  #url;
  #job;
  #socket;
  /** The request in flight. */
  #request;
  #answered;
  #missing = 0;
  #latest = Promise.resolve();

  constructor(url, job) {
    this.#url = new URL(url);
    this.#job = job;
  }

  /** Sends a report after all earlier ones. Resolves with its answer. */
  report(micros) {
    this.#latest = this.#latest.then(() => this.#post(micros));
    return this.#latest;
  }

  #post(micros) {
    const input = { ...this.#job, updates: [{ path: "", done: micros }] };
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

  /** When the server closes an idle connection, an unanswered request is sent again. */
  #connect() {
    const { hostname, port } = this.#url;
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      this.#socket = this.#request === undefined ? undefined : this.#connect();
      this.#socket?.write(this.#request);
    });
    return socket;
  }

  /** Reads only the length of an answer and whether it has errors. */
  #read(chunk) {
    if (this.#missing === 0) this.#missing = lengthOf(chunk);
    this.#missing -= chunk.length;
    if (chunk.includes(`"errors"`)) throw new Error(chunk.toString());
    if (this.#missing > 0) return;
    this.#request = undefined;
    this.#answered();
  }
}

/** The length of the whole response, including its head. */
function lengthOf(chunk) {
  const end = chunk.indexOf("\r\n\r\n");
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(chunk.latin1Slice(0, end)) ?? [];
  if (length === undefined) throw new Error(`No Content-Length: ${chunk}`);
  return end + 4 + Number(length);
}

const workers = [];

answerRequests("", {
  /** Opens `count` more, for as many jobs. */
  open({ url, count, database = DATABASE }) {
    for (let at = 0; at < count; at++) workers.push(new Worker(url, { database, ...keyOf(at, count) }));
  },

  /** Each worker reports sequentially, until `count` reports in total are answered. */
  async report({ count }) {
    let left = count;
    const reportOn = async (worker) => {
      while (left-- > 0) await worker.report(microsNow());
    };
    await Promise.all(workers.map(reportOn));
  },

  /** Sends `perSecond` reports per second, by each worker in turn, without waiting for answers. */
  async reportAtRate({ perSecond, seconds }) {
    const began = performance.now();
    for (let sent = 0; sent < perSecond * seconds; sent++) {
      await setTimeout(Math.max(0, began + (sent * 1_000) / perSecond - performance.now()));
      void workers[sent % workers.length].report(microsNow());
    }
  },
});
