/** A watch of the jobs, at any of the servers, with its status as a signal. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { watch, type Watch, type WatchStatus } from "../../client/index.js";
import { preferServer, knownServers } from "./servers.js";
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
  const opened = watch({
    url: knownServers.peek(),
    ...options,
    token: currentToken,
    onMoved: ({ to }) => preferServer(to),
  });
  const status = signal<WatchStatus>(opened.status);
  opened.onChange(() => {
    status.value = opened.status;
    if (opened.status.kind === "closed") handleRequestError(opened.status.error, id);
  });
  return { watch: opened, status };
}
