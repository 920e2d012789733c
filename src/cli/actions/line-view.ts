import type { WriteStream } from "node:tty";
import type { Watch, WatchEvent, WatchStatus } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { writeFully } from "../output.js";
import { EventLines } from "../render/event-lines.js";
import { eventJson, statusJson } from "../render/json-events.js";
import { connectionText } from "../render/connection-text.js";
import { dashboardUrl } from "./dashboard-url.js";
import { disconnectedText } from "./server-error.js";
import { watchAddress } from "./watch-address.js";

/** Shows the events of a watch. */
export interface WatchView extends Disposable {
  /** The next event is delivered after this resolves. Changes in the meantime are merged. */
  onEvent(event: WatchEvent): Promise<void>;
  /** The watch uses another server. @param text says why */
  onMoved(text: string): void;
}

/** Writes lines to stdout, for a file or a pipe, and the state of the connection to stderr. */
export class LineView implements WatchView {
  /** Prints a line on stderr. */
  readonly onMoved: (text: string) => void;
  readonly #stream: WriteStream;
  readonly #lines = new EventLines();
  readonly #stop: () => void;
  readonly #silence: NodeJS.Timeout;

  constructor(request: WatchRequest, watched: Watch, stream: WriteStream, note: (text: string) => void) {
    this.onMoved = note;
    this.#stream = stream;
    this.#silence = setTimeout(() => note(`connecting to ${request.server.url}`), SILENT_MS);
    let hasBeenLive = false;
    this.#stop = onNewStatus(watched, (status) => {
      clearTimeout(this.#silence);
      note(statusText(status, request));
      if (status.kind !== "live" || hasBeenLive) return;
      hasBeenLive = true;
      if (watched.jobs.size === 0 && (request.wait || request.jobId === undefined))
        note("no such jobs yet: the watch waits for them");
      if (process.stderr.isTTY) void noteAddress(request, watched, note);
    });
  }

  async onEvent(event: WatchEvent): Promise<void> {
    const lines = this.#lines.linesOf(event).map((line) => `${line}\n`);
    if (lines.length > 0) await writeFully(this.#stream, lines.join(""));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#silence);
    this.#stop();
  }
}

/** After this time without a connection, the view says what it waits for. */
const SILENT_MS = 1_000;

async function noteAddress(
  request: WatchRequest,
  watched: Watch,
  note: (text: string) => void,
): Promise<void> {
  note(`also at ${watchAddress(await dashboardUrl(request.server), request, watched.jobs)}`);
}

function statusText(status: WatchStatus, { server }: WatchRequest): string {
  if (status.kind !== "connecting") return connectionText(status, Date.now());
  return `${disconnectedText(status.cause, server)} The watch waits for it.`;
}

/** Writes each event, and each change of the connection, as one line of JSON. */
export class JsonView implements WatchView {
  /** Prints a line on stderr. */
  readonly onMoved: (text: string) => void;
  readonly #stream: WriteStream;
  readonly #stop: () => void;

  constructor(watched: Watch, stream: WriteStream, note: (text: string) => void) {
    this.onMoved = note;
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
