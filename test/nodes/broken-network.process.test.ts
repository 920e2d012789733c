import { describe, expect, it } from "vitest";
import type { Side } from "../kit/network/severable-proxy.js";
import { startNode, type LocalNode } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { store } from "../server/jobs.js";
import { queryState, Replica } from "../server/task-events.js";

const BREAKS: readonly { readonly name: string; readonly sides: readonly Side[] }[] = [
  { name: "both ways", sides: ["client", "server"] },
  { name: "only towards PostgreSQL", sides: ["client"] },
  { name: "only towards the node", sides: ["server"] },
];

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`A network that breaks ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres();

  it.each(BREAKS)("$name between a node and PostgreSQL loses and repeats nothing", async ({ sides }) => {
    const database = await postgres.server.createDatabase();
    await using cutOff = await startNode(database);
    await using other = await startNode(database);
    await store(cutOff.url, { task: { description: "work", volume: 1_000 } });
    using watch = await RecordedWatch.open(cutOff.url);
    using elsewhere = await RecordedWatch.open(other.url);
    const workers = [new RetryingWorker([cutOff.url, other.url]), new RetryingWorker([other.url])] as const;
    await Promise.all(workers.map((worker) => worker.reaches(5)));

    cutOff.link.swallow(sides);
    const unsure = workers[0].reaches(20);
    await workers[1].reaches(20);
    await hasNoticed(cutOff);
    cutOff.link.release();
    await unsure;

    await Promise.all([watch.reaches(40), elsewhere.reaches(40)]);
    const { jobs } = await queryState(other.url);
    expect(jobs).toMatchObject([{ version: 41 }]);
    for (const { resets, events } of [watch, elsewhere])
      expect([resets, new Replica().apply(events).jobs]).toEqual([["INITIAL"], jobs]);
  });

  it.each(BREAKS)("$name until the node gives up leaves nothing that is counted twice", async ({ sides }) => {
    const database = await postgres.server.createDatabase();
    await using cutOff = await startNode(database, { engineGrace: "10m" });
    await using other = await startNode(database);
    await store(cutOff.url, { task: { description: "work", volume: 1_000 } });
    using watch = await RecordedWatch.open(cutOff.url);
    expect((await queryState(other.url)).jobs).toHaveLength(1); // from now on it follows the other one
    const worker = new RetryingWorker([cutOff.url, other.url]);
    await worker.reaches(5);

    const work = worker.reaches(10);
    cutOff.link.swallow(sides);
    await work;
    cutOff.link.release();

    await watch.reaches(10);
    expect([watch.resets, (await queryState(other.url)).jobs]).toMatchObject([
      ["INITIAL"],
      [{ version: 11 }],
    ]);
  });
});

/** Resolves when the node knows that it cannot reach PostgreSQL. */
async function hasNoticed({ log }: LocalNode): Promise<void> {
  await expect.poll(() => log.lines.map(({ level }) => level), { timeout: 30_000 }).toContain("warn");
}
