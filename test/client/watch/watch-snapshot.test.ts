import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Watch, WatchedJob } from "../../../src/client/index.js";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { startServer } from "../../kit/server/server.js";
import { store, update } from "../../server/jobs.js";
import { removedEvent, storedEvent } from "./received-events.js";
import { waitUntil, watchBy } from "./test-watches.js";

const POSITION = "epochOfTests.2";

describe("The snapshot of a watch", () => {
  it("fulfills the contract of useSyncExternalStore, also without `this`", async () => {
    await using server = await startServer();
    for (const jobId of ["kept", "changed"]) await store(server.url, { jobId });
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await watched.untilLive();
    const component = new Component(watched);
    const before = component.rendered;

    await update(server.url, { jobId: "changed", updates: [{ path: "", done: 4 }] });
    await waitUntil(watched, () => watched.job("u", "changed")?.version === 2);
    const after = component.rendered;
    component.unmount();

    expect(after).not.toBe(before);
    expect(after).toBe(watched.getSnapshot());
    expect(namesOf(after)).toEqual(namesOf(watched.jobs));
    expect(jobOf(after, "kept")).toBe(jobOf(before, "kept"));
    expect([jobOf(before, "changed")?.version, jobOf(after, "changed")?.version]).toEqual([1, 2]);
    expect(component.renderCount).toBe(2);
  });

  it("equals the jobs after any events, is a new one after each change only, and never changes", () => {
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const mirror = new WatchMirror();
        const taken = events.map((received) => {
          const [before, jobs] = [mirror.jobs.snapshot(), [...mirror.jobs]];
          mirror.apply(received);
          const after = mirror.jobs.snapshot();
          expect([...after]).toEqual([...mirror.jobs]);
          expect(after === before).toBe(isSame(jobs, [...mirror.jobs]));
          return { snapshot: after, entries: [...after] };
        });
        expect(taken.map(({ snapshot }) => [...snapshot])).toEqual(taken.map(({ entries }) => entries));
      }),
    );
  });
});

/** Calls the functions as React does, and renders again if the snapshot is another object. */
class Component {
  rendered: ReadonlyMap<string, WatchedJob>;
  renderCount = 1;
  readonly unmount: () => void;

  constructor({ subscribe, getSnapshot }: Watch) {
    this.rendered = getSnapshot();
    this.unmount = subscribe(() => {
      const next = getSnapshot();
      if (!Object.is(next, getSnapshot())) throw new Error("React would render without end");
      if (Object.is(next, this.rendered)) return;
      this.rendered = next;
      this.renderCount += 1;
    });
  }
}

const jobId = fc.constantFrom("a", "b", "c");
const event: fc.Arbitrary<ReceivedEvent> = fc.oneof(
  jobId.map((id) => storedEvent(id, "", "0")),
  jobId.map((id) => removedEvent(id)),
  fc.constant<ReceivedEvent>({ kind: "Reset", position: POSITION, cause: "INITIAL" }),
  fc.constant<ReceivedEvent>({ kind: "CaughtUp", position: POSITION }),
);

function isSame(one: readonly Entry[], other: readonly Entry[]): boolean {
  return one.length === other.length && one.every(([, job], index) => job === other[index]![1]);
}

type Entry = readonly [id: string, job: WatchedJob];

function namesOf(jobs: ReadonlyMap<string, WatchedJob>): string[] {
  return [...jobs.values()].map((job) => job.jobId);
}

function jobOf(jobs: ReadonlyMap<string, WatchedJob>, name: string): WatchedJob | undefined {
  return [...jobs.values()].find((job) => job.jobId === name);
}
