/** A watch of this server's jobs, with its status as a signal. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { watch, type Watch, type WatchStatus } from "../../client/index.js";
import { SERVER_URL } from "./server-url.js";
import { currentToken, handleRequestError, signInId } from "./session.js";

export interface LiveWatchOptions {
  readonly database: string;
  readonly username?: string;
  readonly jobId?: string;
  readonly minIntervalMs: number;
}

export interface LiveWatch {
  readonly watch: Watch;
  readonly status: ReadonlySignal<WatchStatus>;
}

export function openLiveWatch(options: LiveWatchOptions): LiveWatch {
  const id = signInId.peek();
  const opened = watch({ url: SERVER_URL, ...options, token: currentToken });
  const status = signal<WatchStatus>(opened.status);
  opened.onChange(() => {
    status.value = opened.status;
    if (opened.status.kind === "closed") handleRequestError(opened.status.error, id);
  });
  return { watch: opened, status };
}
