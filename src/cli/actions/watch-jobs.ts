/** `tidemark watch`. */
import type { WriteStream } from "node:tty";
import { watch } from "../../client/index.js";
import type { WatchRequest } from "../commands/watch.js";
import { ExitError } from "../exit-codes.js";
import { JobWait } from "./job-wait.js";
import { JsonView, LineView } from "./line-view.js";
import { LiveView } from "./live-view.js";
import type { WatchView } from "./watch-view.js";

/**
 * Shows jobs until they have ended, nobody reads any more, or a signal comes.
 * @param note is told how the connection is, where no terminal shows it.
 * @throws ExitError with how the job ended that was waited for, or the signal; TidemarkError when the server refuses.
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

/** Of events that somebody looks at. */
const LIVE_INTERVAL_MS = 100;

/** While it is held, these signals end what is under way instead of the process. */
class EndingSignals implements Disposable {
  /** Of a shell, for the signal that came. */
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
