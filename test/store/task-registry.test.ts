import { describe, expect, it } from "vitest";
import { TaskRegistry } from "../../src/store/task-registry.js";
import { jobKey } from "../kit/journal/entries.js";
import { ALICE, ANY_ATTEMPT, BOB, rejection, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore } from "../kit/store/task-stores.js";

const TASK = storeRequestOf(ALICE);

describe("a task registry", () => {
  it("registers the job of its user under its job id", async () => {
    await using world = await openStore();
    const registry = new TaskRegistry(world.store, ALICE);
    const userTask = await registry.registerTask(TASK);
    expect(world.store.get(ALICE)).toBe(userTask);
    expect(registry.containsTask(userTask)).toBe(true);
  });

  it("registers under its own key and in its own store, whatever the request names", async () => {
    await using world = await openStore();
    const userTask = await new TaskRegistry(world.store, ALICE).registerTask(storeRequestOf(BOB));
    expect(userTask).toMatchObject(ALICE);
    expect(world.store.taskCount()).toBe(1);
  });

  it("rejects a job id while a job of this user runs under it", async () => {
    await using world = await openStore();
    await new TaskRegistry(world.store, ALICE).registerTask(TASK);
    await expect(new TaskRegistry(world.store, ALICE).registerTask(TASK)).rejects.toMatchObject(
      rejection("ALREADY_EXISTS"),
    );
  });

  it("rejects one of two concurrent registrations", async () => {
    await using world = await openStore();
    const registries = [new TaskRegistry(world.store, ALICE), new TaskRegistry(world.store, ALICE)];
    const answers = await Promise.allSettled(registries.map((registry) => registry.registerTask(TASK)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(world.store.get(ALICE)?.attempt).toBe(1);
  });

  it("lets another user use the same job id", async () => {
    await using world = await openStore();
    await new TaskRegistry(world.store, ALICE).registerTask(TASK);
    await new TaskRegistry(world.store, BOB).registerTask(TASK);
    expect(world.store.query({ jobId: ALICE.jobId })).toHaveLength(2);
  });

  it("frees the job id when the job is unregistered or has ended", async () => {
    await using world = await openStore();
    const registry = new TaskRegistry(world.store, ALICE);
    await registry.registerTask(TASK);
    await registry.unregisterTask();
    expect(world.store.get(ALICE)).toBeUndefined();
    expect(await registry.registerTask(TASK)).toMatchObject({ attempt: 2 });
    await world.store.update(ALICE, reportOf({ status: "FAILED" }));
    expect(await registry.registerTask(TASK)).toMatchObject({ attempt: 3 });
  });

  it("unregisters a job that does not exist without an error", async () => {
    await using world = await openStore();
    await expect(new TaskRegistry(world.store, ALICE).unregisterTask()).resolves.toBeUndefined();
    expect(world.store.position.revision).toBe(0);
  });

  it("contains any state of its job, until the job is stored again", async () => {
    await using world = await openStore();
    const registry = new TaskRegistry(world.store, ALICE);
    const userTask = await registry.registerTask(TASK);
    await world.store.update(ALICE, reportOf({ done: 1 }));
    expect(registry.containsTask(userTask)).toBe(true);
    await world.store.store(storeRequestOf(ALICE));
    expect(registry.containsTask(userTask)).toBe(false);
  });

  it("contains nothing once the job is removed", async () => {
    await using world = await openStore();
    const registry = new TaskRegistry(world.store, ALICE);
    const userTask = await registry.registerTask(TASK);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    expect(registry.containsTask(userTask)).toBe(false);
  });

  it("does not contain jobs of other users or under other ids", async () => {
    await using world = await openStore();
    const { store } = world;
    const registry = new TaskRegistry(store, ALICE);
    await registry.registerTask(TASK);
    expect(registry.containsTask(await store.store(storeRequestOf(BOB)))).toBe(false);
    expect(registry.containsTask(await store.store(storeRequestOf(jobKey("alice", "other"))))).toBe(false);
  });
});
