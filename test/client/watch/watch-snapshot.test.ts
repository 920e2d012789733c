import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Watch, WatchedJob } from "../../../src/client/index.js";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { dataOf } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";
import { store, update } from "../../server/jobs.js";
import { removedEvent, storedEvent, updatedEvent } from "./received-events.js";
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

  it("equals the jobs after any events, stays the same while they do, and never changes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(received, fc.constant("read" as const))), (steps) => {
        const mirror = new WatchMirror();
        const taken: { readonly map: ReadonlyMap<string, WatchedJob>; readonly copy: unknown }[] = [];
        for (const step of steps) {
          const before = mirror.jobs.snapshot();
          const jobs = [...mirror.jobs];
          if (step !== "read") applyKnown(mirror, step);
          const map = mirror.jobs.snapshot();
          taken.push({ map, copy: [...map] });
          expect([...map]).toEqual([...mirror.jobs]);
          expect(map === before || !isSame(jobs, [...mirror.jobs]) || step !== "read").toBe(true);
          expect(map === before).toBe(isSame(jobs, [...mirror.jobs]));
        }
        for (const { map, copy } of taken) expect([...map]).toEqual(copy);
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
