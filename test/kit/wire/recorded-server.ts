import type { AppOptions } from "../../../src/app.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import { DATABASE } from "../store/requests.js";
import { startServer } from "../server/server.js";
import { HistoryRecorder, WireHistory, type HistoryRecord } from "./history.js";
import { violationsOf, type Promised, type Violation } from "./laws.js";
import type { WatchTarget, WireWatcher } from "./watcher.js";

/** A real server with one database whose history is recorded from the start. */
export class RecordedServer implements WatchTarget, AsyncDisposable {
  readonly url: string;
  readonly store: PerDatabaseTaskStore;
  readonly #recorder: HistoryRecorder;
  readonly #close: () => Promise<void>;

  /** Flags as on the command line, in camel case. */
  static async open(
    flags: Readonly<Record<string, string>> = {},
    options: AppOptions = {},
  ): Promise<RecordedServer> {
    const server = await startServer(flags, options);
    // Safe: the provider of an app that tracks progress.
    const store = (await server.provider.getTaskStore(DATABASE)) as PerDatabaseTaskStore;
    return new RecordedServer(server.url, store, server.close);
  }

  private constructor(url: string, store: PerDatabaseTaskStore, close: () => Promise<void>) {
    this.url = url;
    this.store = store;
    this.#recorder = new HistoryRecorder(store);
    this.#close = close;
  }

  get record(): HistoryRecord {
    return this.#recorder.record;
  }

  /** The history so far. */
  get history(): WireHistory {
    return new WireHistory(this.record);
  }

  /** The violations of one or more promises in the transcript of a watcher. */
  violations({ transcript }: WireWatcher, ...promised: readonly Promised[]): Violation[] {
    const { history } = this;
    return promised.flatMap((each) => violationsOf(each, transcript, history));
  }

  /** Resolves when the watcher holds the current state of the store. */
  async caughtUp(watcher: WireWatcher): Promise<void> {
    await watcher.until(watcher.holds(this.history));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
