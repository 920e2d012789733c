import type { WriteStream } from "node:tty";
import type { Watch, WatchEvent, WatchStatus } from "../../client/index.js";
import { writeFully } from "../output.js";
import { EventLines } from "../render/event-lines.js";
import { eventJson, statusJson } from "../render/json-events.js";
import { connectionText } from "../render/connection-text.js";

/** Shows the events of a watch. */
export interface WatchView extends Disposable {
  /** The next event is delivered after this resolves. Changes in the meantime are merged. */
  onEvent(event: WatchEvent): Promise<void>;
}

/** Writes lines to stdout, for a file or a pipe, and the state of the connection to stderr. */
export class LineView implements WatchView {
  readonly #stream: WriteStream;
  readonly #lines = new EventLines();
  readonly #stop: () => void;

  constructor(watched: Watch, stream: WriteStream, note: (text: string) => void) {
    this.#stream = stream;
    this.#stop = onNewStatus(watched, (status) => note(`tidemark: ${connectionText(status, Date.now())}\n`));
  }

  async onEvent(event: WatchEvent): Promise<void> {
    const lines = this.#lines.linesOf(event).map((line) => `${line}\n`);
    if (lines.length > 0) await writeFully(this.#stream, lines.join(""));
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

/** Writes each event, and each change of the connection, as one line of JSON. */
export class JsonView implements WatchView {
  readonly #stream: WriteStream;
  readonly #stop: () => void;

  constructor(watched: Watch, stream: WriteStream) {
    this.#stream = stream;
    this.#stop = onNewStatus(watched, (status) => void stream.write(`${statusJson(status)}\n`));
  }

  async onEvent(event: WatchEvent): Promise<void> {
    await writeFully(this.#stream, `${eventJson(event)}\n`);
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

/** Calls back when the kind of status changes; for the initial `connecting`, only once it has a cause. */
function onNewStatus(watched: Watch, callback: (status: WatchStatus) => void): () => void {
  let last: string | undefined;
  return watched.onChange(() => {
    const { status } = watched;
    if (status.kind === last || status.kind === "closed") return;
    if (status.kind === "connecting" && status.cause === undefined) return;
    last = status.kind;
    callback(status);
  });
}
