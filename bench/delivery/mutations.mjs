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
  #socket;
  #host;
  #key;
  #answered;
  #missing = 0;
  #latest = Promise.resolve();

  constructor(url, key) {
    const { hostname, port, host } = new URL(url);
    this.#host = host;
    this.#key = key;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#answered?.(error));
  }

  /** Resolves when it has been answered. What was asked for before is sent before. */
  report(done) {
    this.#latest = this.#latest.then(() => this.#post(done));
    return this.#latest;
  }

  close() {
    this.#socket.destroy();
  }

  #post(done) {
    const input = { database: DATABASE, ...this.#key, updates: [{ path: "", done }] };
    const body = JSON.stringify({ query: MUTATION, variables: { input } });
    this.#socket.write(
      `POST /graphql HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    return new Promise((resolve, reject) => {
      this.#answered = (error) => (error ? reject(error) : resolve());
    });
  }

  /** Of an answer the length is read, and whether it is one of success. */
  #read(chunk) {
    if (this.#missing === 0) this.#missing = lengthOf(chunk);
    this.#missing -= chunk.length;
    if (this.#missing === 0)
      this.#answered(chunk.includes(`"errors"`) ? new Error(chunk.toString()) : undefined);
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
      const answer = workers[sent % workers.length].report(microsNow());
      answer.catch(() => process.exit(1));
    }
  },
});
