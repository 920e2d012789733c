/** `tidemark watch`. */
import type { WriteStream } from "node:tty";
import { watch } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { ExitError } from "../exit-codes.js";
import { JobWait } from "./job-wait.js";
import { JsonView, LineView, type WatchView } from "./line-view.js";
import { LiveView } from "./live-view.js";

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
  const end = new AbortController();
  stream.once("error", () => end.abort());
  using signals = new EndingSignals(end);
  const watched = watch({
    ...server,
    ...(username !== undefined && { username }),
    ...(jobId !== undefined && { jobId }),
    minIntervalMs: isLive ? LIVE_INTERVAL_MS : 0,
    signal: end.signal,
  });
  const jobWait = new JobWait(request);
  using view: WatchView = isLive
    ? new LiveView(request, watched, stream)
    : new (request.json ? JsonView : LineView)(watched, stream, note);
  for await (const event of watched) {
    await view.onEvent(event);
    jobWait.check(event);
  }
  if (signals.exitCode !== undefined) throw new ExitError(signals.exitCode);
}

const LIVE_INTERVAL_MS = 100;

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
