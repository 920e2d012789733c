import { readFileSync, writeFileSync } from "node:fs";
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
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { taskEventsUntil, taskEvents, type TaskEvent } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

/** What was told to somebody who came back with the position from before. */
type Told = readonly TaskEvent[];

describe("L15: a history that was lost is a new epoch", () => {
  it("a start changes nothing of it: who was away is told what happened, and no Reset", async () => {
    const folder = temporaryFolder();
    const position = await firstLife(folder);
    await using server = await start(folder);
    const store = await server.provider.getTaskStore(DATABASE);
    await store.update(BOB, reportOf({ status: "RUNNING" }));
    expect(await kindsSince(server, position)).toEqual(["TaskRemoved", "TaskUpdated", "CaughtUp"]);
  });

  it("an attempt goes on counting over a start, also across a removal", async () => {
    const folder = temporaryFolder();
    await firstLife(folder);
    await using server = await start(folder);
    const store = await server.provider.getTaskStore(DATABASE);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
    expect(await store.store(storeRequestOf(BOB))).toMatchObject({ attempt: 2, outcome: "OVERWRITTEN" });
  });

  it("--new-epoch begins one, with the jobs as they were", async () => {
    const folder = temporaryFolder();
    const position = await firstLife(folder);
    await using server = await start(folder, { newEpoch: "on" });
    const told = await toldSince(server, position);
    expect(told.map(({ kind }) => kind)).toEqual(["Reset", "TaskStored", "TaskStored", "CaughtUp"]);
    expect(told[0]).toMatchObject({ cause: "EPOCH_CHANGED" });
  });

  it("a copy that is served is one of its own", async () => {
    const folder = temporaryFolder();
    const position = await firstLife(folder);
    const copy = join(folder, "copy");
    for await (const { jobCount } of backupFolder(folder, copy)) expect(jobCount).toBe(2);
    await using server = await start(copy);
    expect((await toldSince(server, position))[0]).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
  });

  it("what a repair leaves is another one", async () => {
    const folder = temporaryFolder();
    const position = await firstLife(folder);
    flipBit(join(folder, "neo4j.mdb"), `"jobId":"${CAROL.jobId}"`);
    for await (const { jobCount } of repairFolder(folder)) expect(jobCount).toBeLessThan(3);
    await using server = await start(folder);
    expect((await toldSince(server, position))[0]).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
  });

  it("until it is mended, what is damaged is refused, and the other databases serve", async () => {
    const folder = temporaryFolder();
    const position = await firstLife(folder);
    flipBit(join(folder, "neo4j.mdb"), `"jobId":"${CAROL.jobId}"`);
    await using server = await start(folder);
    await expect(toldSince(server, position)).rejects.toThrow(
      `Database \\"${DATABASE}\\" is damaged and can't be used until an operator has mended it.`,
    );
    const other = await server.provider.getTaskStore(OTHER_DATABASE);
    expect(await other.store({ ...storeRequestOf(ALICE), database: other.database })).toMatchObject({
      attempt: 1,
    });
  });
});

/** Three jobs, of which one is removed after the position that is given back. */
async function firstLife(folder: string): Promise<string> {
  await using server = await start(folder);
  const store = await server.provider.getTaskStore(DATABASE);
  for (const key of [ALICE, BOB, CAROL]) await store.store(storeRequestOf(key));
  const told = await toldSince(server);
  await store.remove(ALICE, { attempt: null });
  return told.at(-1)!.position;
}

function start(folder: string, flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return startServer({ store: `lmdb:${folder}`, ...flags });
}

async function toldSince(server: TestServer, after?: string): Promise<Told> {
  const asked = taskEvents({ database: DATABASE, ...(after !== undefined && { after }) });
  using watcher = await OVER_WEBSOCKET.watch(server.url, asked);
  return await taskEventsUntil(watcher, "CaughtUp");
}

async function kindsSince(server: TestServer, after: string): Promise<string[]> {
  return (await toldSince(server, after)).map(({ kind }) => kind);
}

/** In every record that holds the text. */
function flipBit(path: string, text: string): void {
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at + 2]! ^= 1;
  writeFileSync(path, bytes);
}
