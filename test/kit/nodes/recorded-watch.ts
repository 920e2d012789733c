import { EventEmitter, once } from "node:events";
import { nextEvent, taskEvents, type TaskEvent, type TaskEventsArguments } from "../../server/task-events.js";
import { OVER_WEBSOCKET, type Watcher } from "../../server/transports.js";

/** A subscriber that keeps what it receives. */
export class RecordedWatch implements Disposable {
  readonly events: TaskEvent[] = [];
  readonly #watcher: Watcher;
  readonly #arrivals = new EventEmitter();
  /** Why the subscription ended. */
  #end: unknown;

  static async open(url: string, variables: TaskEventsArguments = {}): Promise<RecordedWatch> {
    return new RecordedWatch(await OVER_WEBSOCKET.watch(url, taskEvents(variables)));
  }

  private constructor(watcher: Watcher) {
    this.#watcher = watcher;
    void this.#record();
  }

  /** The position of the newest event. */
  get position(): string {
    return this.events.at(-1)!.position;
  }

  /** The causes of all resets. */
  get resets(): unknown[] {
    return this.events.filter(({ kind }) => kind === "Reset").map(({ cause }) => cause);
  }

  /** The first matching event, from index `from` on. Rejects if the subscription ends before. */
  async event(isWanted: (event: TaskEvent) => boolean, from = 0): Promise<TaskEvent> {
    for (let place = from; ; place++) {
      while (place >= this.events.length) await this.#more();
      if (isWanted(this.events[place]!)) return this.events[place]!;
    }
  }

  /** Resolves when it has received this progress of the only task of a job. */
  async reaches(done: number): Promise<void> {
    await this.event(({ userTask }) => userTask?.tasks[0]!.progress.done === done);
  }

  [Symbol.dispose](): void {
    this.#watcher[Symbol.dispose]();
  }

  async #record(): Promise<void> {
    try {
      for (;;) {
        this.events.push(await nextEvent(this.#watcher));
        this.#arrivals.emit("event");
      }
    } catch (error) {
      this.#end = error;
      this.#arrivals.emit("event");
    }
  }

  async #more(): Promise<void> {
    if (this.#end) throw new Error("The subscription has ended.", { cause: this.#end });
    await once(this.#arrivals, "event");
  }
}
