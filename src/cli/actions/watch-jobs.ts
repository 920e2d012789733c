/** `tidemark watch`. */
import type { WriteStream } from "node:tty";
import { watch, type Watch } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { ExitError } from "../exit-codes.js";
import { JobWait } from "./job-wait.js";
import { JsonView, LineView, type WatchView } from "./line-view.js";
import { LiveView } from "./live-view.js";
import { moveText } from "../render/move-text.js";
import { sanitizeForTerminal } from "../render/sanitize.js";
import { serverError } from "./server-error.js";

/**
 * Shows jobs until the watched job ends, the reader of stdout closes it, or a signal arrives.
 * @param note prints the state of the connection if the output is not a terminal
 * @throws ExitError with the exit code for the watched job or the signal; TidemarkError if the server rejects the watch
 */
export async function watchJobs(
  request: WatchRequest,
  stream: WriteStream,
  note: (text: string) => void,
): Promise<void> {
  const isLive = stream.isTTY && !request.json && process.env["TERM"] !== "dumb";
  const { server, username, jobId } = request;
  const { url, token, database } = server;
  const end = new AbortController();
  stream.once("error", () => end.abort());
  using signals = new EndingSignals(end);
  const watched = watch({
    url,
    token,
    database,
    ...(username !== undefined && { username }),
    ...(jobId !== undefined && { jobId }),
    minIntervalMs: isLive ? LIVE_INTERVAL_MS : 0,
    signal: end.signal,
    onMoved: (move) => view.onMoved(moveText(move)), // never before the view exists
  });
  const jobWait = new JobWait(request);
  using view = viewOf(request, watched, stream, isLive, note);
  try {
    for await (const event of watched) {
      await view.onEvent(event);
      jobWait.check(event);
    }
  } catch (error) {
    throw serverError(error, server);
  }
  if (signals.exitCode !== undefined) throw new ExitError(signals.exitCode);
}

const LIVE_INTERVAL_MS = 100;

function viewOf(
  request: WatchRequest,
  watched: Watch,
  stream: WriteStream,
  isLive: boolean,
  note: (text: string) => void,
): WatchView {
  const noteLine = (text: string): void => note(`tidemark: ${sanitizeForTerminal(text)}\n`);
  if (isLive) return new LiveView(request, watched, stream);
  if (request.json) return new JsonView(watched, stream, noteLine);
  return new LineView(request, watched, stream, noteLine);
}

/** Until disposed, signals abort the watch instead of ending the process. */
class EndingSignals implements Disposable {
  /** The shell's exit code for the first signal. */
  exitCode: number | undefined;
  readonly #end: AbortController;

  constructor(end: AbortController) {
    this.#end = end;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (_: NodeJS.Signals, number: number): void => {
    this.exitCode ??= 128 + number;
    this.#end.abort();
  };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
