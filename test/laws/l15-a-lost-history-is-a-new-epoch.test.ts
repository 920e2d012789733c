import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backupFolder, repairFolder } from "../../src/journal/lmdb/operator-commands.js";
import {
  ALICE,
  BOB,
  CAROL,
  DATABASE,
  OTHER_DATABASE,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { flipBits } from "../kit/disk-faults/folder-files.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { taskEventsUntil, taskEvents, type TaskEvent } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

describe("L15: lost history means a new epoch", () => {
  it("a restart keeps the epoch: a watcher receives what it missed, and no Reset", async () => {
    const folder = temporaryFolder();
    const position = await firstRun(folder);
    await using server = await start(folder);
    const store = await server.provider.getTaskStore(DATABASE);
    await store.update(BOB, reportOf({ status: "RUNNING" }));
    expect(await kindsSince(server, position)).toEqual(["TaskRemoved", "TaskUpdated", "CaughtUp"]);
  });

  it("the attempt increases across a restart, even after a removal", async () => {
    const folder = temporaryFolder();
    await firstRun(folder);
    await using server = await start(folder);
    const store = await server.provider.getTaskStore(DATABASE);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
    expect(await store.store(storeRequestOf(BOB))).toMatchObject({ attempt: 2, outcome: "OVERWRITTEN" });
  });

  it("--new-epoch begins an epoch with the same jobs", async () => {
    const folder = temporaryFolder();
    const position = await firstRun(folder);
    await using server = await start(folder, { newEpoch: "on" });
    const events = await eventsSince(server, position);
    expect(events.map(({ kind }) => kind)).toEqual(["Reset", "TaskStored", "TaskStored", "CaughtUp"]);
    expect(events[0]).toMatchObject({ cause: "EPOCH_CHANGED" });
  });

  it("a backup has its own epoch", async () => {
    const folder = temporaryFolder();
    const position = await firstRun(folder);
    const copy = join(temporaryFolder(), "copy");
    for await (const { jobCount } of backupFolder(folder, copy)) expect(jobCount).toBe(2);
    await using server = await start(copy);
    expect((await eventsSince(server, position))[0]).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
  });

  it("a repaired database has a new epoch", async () => {
    const folder = temporaryFolder();
    const position = await firstRun(folder);
    flipBits(join(folder, "neo4j.mdb"), `"jobId":"${CAROL.jobId}"`);
    for await (const { jobCount } of repairFolder(folder)) expect(jobCount).toBeLessThan(3);
    await using server = await start(folder);
    expect((await eventsSince(server, position))[0]).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
  });

  it("a damaged database is rejected until it is repaired, and the others still work", async () => {
    const folder = temporaryFolder();
    const position = await firstRun(folder);
    flipBits(join(folder, "neo4j.mdb"), `"jobId":"${CAROL.jobId}"`);
    await using server = await start(folder);
    await expect(eventsSince(server, position)).rejects.toThrow(
      `Cannot open database \\"${DATABASE}\\". It is damaged. An operator must repair it.`,
    );
    const other = await server.provider.getTaskStore(OTHER_DATABASE);
    expect(await other.store({ ...storeRequestOf(ALICE), database: other.database })).toMatchObject({
      attempt: 1,
    });
  });
});

/** Stores three jobs, removes one, and returns the position before the removal. */
async function firstRun(folder: string): Promise<string> {
  await using server = await start(folder);
  const store = await server.provider.getTaskStore(DATABASE);
  for (const key of [ALICE, BOB, CAROL]) await store.store(storeRequestOf(key));
  const events = await eventsSince(server);
  await store.remove(ALICE, { attempt: null });
  return events.at(-1)!.position;
}

function start(folder: string, flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return startServer({ store: `lmdb:${folder}`, ...flags });
}

async function eventsSince(server: TestServer, after?: string): Promise<readonly TaskEvent[]> {
  const subscription = taskEvents({ database: DATABASE, ...(after !== undefined && { after }) });
  using watcher = await OVER_WEBSOCKET.watch(server.url, subscription);
  return await taskEventsUntil(watcher, "CaughtUp");
}

async function kindsSince(server: TestServer, after: string): Promise<string[]> {
  return (await eventsSince(server, after)).map(({ kind }) => kind);
}
