import { describe, expect, it } from "vitest";
import { leaf } from "../kit/store/edits.js";
import { jobKey } from "../kit/journal/entries.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  CAROL,
  rejection,
  cancelRequestOf,
  addTasksRequestOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { openStore } from "../kit/store/task-stores.js";

describe("L2: overwriting is the design", () => {
  it("storing a key again replaces the tree and increments the attempt", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE, { spec: leaf("first", 10) }));
    await store.update(ALICE, reportOf({ done: 10, message: "half way" }));
    const again = await store.store(storeRequestOf(ALICE, { spec: leaf("second", 20) }));
    expect(again).toMatchObject({ attempt: 2, outcome: "OVERWRITTEN" });
    expect(again.task).toMatchObject({ description: "second", status: "PENDING", done: 0, message: null });
    expect(store.query()).toEqual([again]);
  });

  it("the key is user and job id: another user or another id is another job", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    expect(await store.store(storeRequestOf(BOB))).toMatchObject({ attempt: 1 });
    expect(await store.store(storeRequestOf(jobKey("alice", "another")))).toMatchObject({ attempt: 1 });
    expect(store.taskCount()).toBe(3);
  });

  it("the attempt increases across a remembered removal or purge", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    await store.remove(ALICE, ANY_ATTEMPT);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2, outcome: "CREATED" });
    await store.purge();
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 3, outcome: "CREATED" });
  });

  it("the attempt increases across a removal after the store was reopened", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.remove(ALICE, ANY_ATTEMPT);
    const reopened = await world.reopened();
    expect(await reopened.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
  });

  it("the attempt restarts at 1 once the removal is forgotten", async () => {
    await using world = await openStore({ limits: { removalsKeptMax: 1 } });
    const { store } = world;
    await Promise.all([ALICE, BOB].map((key) => store.store(storeRequestOf(key))));
    await store.remove(ALICE, ANY_ATTEMPT);
    await store.remove(BOB, ANY_ATTEMPT);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
    expect(await store.store(storeRequestOf(BOB))).toMatchObject({ attempt: 2 });
  });

  it.each([1, 3])(
    "a request for attempt %i of a job at attempt 2 is rejected without effect",
    async (attempt) => {
      await using world = await openStore();
      const { store } = world;
      await store.store(storeRequestOf(ALICE));
      const current = await store.store(storeRequestOf(ALICE));
      const stale = rejection("STALE_ATTEMPT");
      await expect(store.update(ALICE, { ...reportOf({ done: 1 }), attempt })).rejects.toMatchObject(stale);
      await expect(
        store.addTasks(ALICE, { ...addTasksRequestOf("", leaf("x")), attempt }),
      ).rejects.toMatchObject(stale);
      await expect(store.requestCancel(ALICE, { ...cancelRequestOf(), attempt })).rejects.toMatchObject(
        stale,
      );
      await expect(store.remove(ALICE, { attempt })).rejects.toMatchObject(stale);
      expect(store.get(ALICE)).toBe(current);
      expect(store.position.revision).toBe(2);
    },
  );

  it("a request for the current attempt, or for any attempt, succeeds", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    expect((await store.update(ALICE, { ...reportOf({ done: 1 }), attempt: 1 })).task.done).toBe(1);
    expect((await store.update(ALICE, { ...reportOf({ done: 2 }), attempt: null })).task.done).toBe(2);
    expect(await store.remove(ALICE, { attempt: 1 })).toMatchObject({ attempt: 1 });
  });

  it("REJECT fails without effect while the existing job has not ended", async () => {
    await using world = await openStore();
    const { store } = world;
    const running = await store.store(storeRequestOf(ALICE));
    await expect(store.store(storeRequestOf(ALICE, { onConflict: "REJECT" }))).rejects.toMatchObject(
      rejection("ALREADY_EXISTS"),
    );
    expect(store.get(ALICE)).toBe(running);
  });

  it("REJECT stores a new job, a removed one, and one that has ended", async () => {
    await using world = await openStore();
    const { store } = world;
    const [fresh, over] = [
      storeRequestOf(CAROL, { onConflict: "REJECT" }),
      storeRequestOf(ALICE, { onConflict: "REJECT" }),
    ];
    expect(await store.store(fresh)).toMatchObject({ attempt: 1, outcome: "CREATED" });
    await store.remove(CAROL, ANY_ATTEMPT);
    expect(await store.store(fresh)).toMatchObject({ attempt: 2, outcome: "CREATED" });
    await store.store(storeRequestOf(ALICE));
    await store.update(ALICE, reportOf({ status: "FAILED" }));
    expect(await store.store(over)).toMatchObject({ attempt: 2, outcome: "OVERWRITTEN" });
  });

  it("a store repeated with its request id changes nothing", async () => {
    await using world = await openStore();
    const { store } = world;
    const request = storeRequestOf(ALICE, { requestId: "one" });
    const stored = await store.store(request);
    const begun = await store.update(ALICE, reportOf({ done: 1 }));
    expect(await store.store(request)).toBe(begun);
    expect(stored.attempt).toBe(begun.attempt);
    expect(await store.store({ ...request, requestId: "two" })).toMatchObject({ attempt: 2 });
  });
});
