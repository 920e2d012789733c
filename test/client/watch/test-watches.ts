/** Watches on a manual clock, and functions that wait for their events. */
import type { ClientClock, ClientTimer } from "../../../src/client/platform.js";
import type { WatchEvent, WatchOptions } from "../../../src/client/index.js";
import type { WatchEnvironment } from "../../../src/client/transport/watch-environment.js";
import { Watch } from "../../../src/client/watch/watch.js";
import type { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { SERVER_JOB_KEY } from "../../server/jobs.js";

export const SDK_TRANSPORTS = ["websocket", "sse"] as const;

type SomeOptions = Partial<WatchOptions> & Pick<WatchOptions, "url">;

/** A watch on a manual clock. After a second disconnect, reconnecting needs `advance`. */
export function watchBy(clock: ManualClock, options: SomeOptions): Watch {
  return new Watch({ database: SERVER_JOB_KEY.database, ...options }, { clock, random: () => 0 });
}

/** A watch whose delays end immediately, and whose deadlines never do. */
export function watchWithoutDelays(options: SomeOptions): Watch {
  return new Watch({ database: SERVER_JOB_KEY.database, ...options }, withoutDelays());
}

/** Delays end immediately, and deadlines never do. */
export function withoutDelays(): WatchEnvironment {
  return { clock: new ImpatientClock(), random: () => 0 };
}

class ImpatientClock implements ClientClock {
  #now = 0;

  now(): number {
    return (this.#now += 60_000);
  }

  schedule(delayMs: number, callback: () => void): ClientTimer {
    const immediate = DEADLINES_MS.has(delayMs) ? undefined : setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  }
}

/** The time limits for the acknowledgement, with one server and with several, and for a ping. */
const DEADLINES_MS = new Set([10_000, 5_000, 12_000]);

/** Resolves once the condition holds, which is checked after each change. */
export async function waitUntil(watch: Watch, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      const stop = watch.onChange(() => {
        stop();
        resolve();
      });
    });
  }
}

/** Resolves after `count` more changes. */
export async function waitForChanges(watch: Watch, count: number): Promise<void> {
  let left = count;
  const stop = watch.onChange(() => left--);
  await waitUntil(watch, () => left <= 0);
  stop();
}

/** The next events, up to and including the first of this kind. */
export async function watchEventsUntil(watch: Watch, kind: WatchEvent["kind"]): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  while (events.at(-1)?.kind !== kind) {
    const { value } = await watch.next();
    if (!value) throw new Error("The watch has ended.");
    events.push(value);
  }
  return events;
}

export function kindsOf(events: readonly WatchEvent[]): string[] {
  return events.map(({ kind }) => kind);
}
