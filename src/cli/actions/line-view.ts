import type { WriteStream } from "node:tty";
import type { Watch, WatchEvent, WatchStatus } from "../../client/index.js";
import { writeFully } from "../output.js";
import { EventLines } from "../render/event-lines.js";
import { eventJson, statusJson } from "../render/json-events.js";
import { connectionText } from "../render/connection-text.js";
import type { WatchView } from "./watch-view.js";

/** For a file, a pipe, a log: lines on stdout, and how the connection is on stderr. */
export class LineView implements WatchView {
  readonly #stream: WriteStream;
  readonly #lines = new EventLines();
  readonly #stop: () => void;

  constructor(watched: Watch, stream: WriteStream, note: (text: string) => void) {
    this.#stream = stream;
    this.#stop = onNewStatus(watched, (status) => note(`tidemark: ${connectionText(status, Date.now())}\n`));
  }

  async onEvent(event: WatchEvent): Promise<void> {
    const lines = this.#lines.tell(event).map((line) => `${line}\n`);
    if (lines.length > 0) await writeFully(this.#stream, lines.join(""));
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

/** For programs: each event, and each change of the connection, is an object on a line of its own. */
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

/** Calls back for each kind of status that comes after another one; for the first only once it is known why it lasts. */
function onNewStatus(watched: Watch, tell: (status: WatchStatus) => void): () => void {
  let told: string | undefined;
  return watched.onChange(() => {
    const { status } = watched;
    if (status.kind === told || status.kind === "closed") return;
    if (status.kind === "connecting" && status.cause === undefined) return;
    told = status.kind;
    tell(status);
  });
}
