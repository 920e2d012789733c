import { describe, expect, it } from "vitest";
import { startNode, type LocalNode } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { ReplicatedPostgres } from "../kit/postgres/replicated-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { store, update } from "../server/jobs.js";
import { queryState } from "../server/task-events.js";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(
  `A change that waits for the synchronous standby ${NEEDS_POSTGRES}`,
  () => {
    it("is in no answer, event or read, and afterwards in each of them once", async () => {
      await using world = await startWorld();
      const { first, second, postgres, watches } = world;
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const answer = update(first.url, { updates: [{ add: 1 }] });
      await postgres.primary.waitingForStandby();

      // This node answers a report that changes nothing only when it has read everything that is visible.
      await update(second.url, { jobId: "other" });
      expect(await versions(world)).toEqual([1, 1]);
      expect(watches.map(({ events }) => events.length)).toEqual([4, 4]);

      resume();
      expect(await answer).toMatchObject({ version: 2 });
      await Promise.all(watches.map((watch) => watch.reaches(1)));
      expect(await versions(world)).toEqual([2, 2]);
      expect(watches.map(({ events }) => events.length)).toEqual([5, 5]);
    });

    it("is found and answered once if the connection that wrote it breaks meanwhile", async () => {
      await using world = await startWorld();
      const { first, postgres, watches } = world;
      const order: string[] = [];
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const answer = update(first.url, { updates: [{ add: 1 }] }).finally(() => order.push("answered"));
      await postgres.primary.waitingForStandby();

      first.link.sever();
      await lookedFor(postgres);
      order.push("resumed");
      resume();
      expect(await answer).toMatchObject({ version: 2 });
      expect(order).toEqual(["resumed", "answered"]);
      await Promise.all(watches.map((watch) => watch.reaches(1)));
      expect(await versions(world)).toEqual([2, 2]);
    });

    it("is answered when the standby has it, although its wait was cancelled", async () => {
      await using world = await startWorld();
      const { first, postgres, watches } = world;
      const { primary } = postgres;
      const order: string[] = [];
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const answer = update(first.url, { updates: [{ add: 1 }] }).finally(() => order.push("answered"));
      await primary.query(`SELECT pg_cancel_backend(${await primary.waitingForStandby()})`);
      await primary.waitingForStandby();

      order.push("resumed");
      resume();
      expect(await answer).toMatchObject({ version: 2 });
      expect(order).toEqual(["resumed", "answered"]);
      await Promise.all(watches.map((watch) => watch.reaches(1)));
      expect(await versions(world)).toEqual([2, 2]);
    });
  },
);

interface World extends AsyncDisposable {
  readonly postgres: ReplicatedPostgres;
  readonly first: LocalNode;
  readonly second: LocalNode;
  readonly watches: readonly RecordedWatch[];
}

/** Two nodes with the jobs "j" and "other", and a watch on each that has caught up. */
async function startWorld(): Promise<World> {
  const postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
  const database = await postgres.primary.createDatabase();
  const first = await startNode(database);
  const second = await startNode(database);
  await store(first.url);
  await store(first.url, { jobId: "other" });
  const watches = await Promise.all([first, second].map(({ url }) => RecordedWatch.open(url)));
  await Promise.all(watches.map((watch) => watch.event(({ kind }) => kind === "CaughtUp")));
  const dispose = async (): Promise<void> => {
    for (const watch of watches) watch[Symbol.dispose]();
    await Promise.all([first, second].map((node) => node[Symbol.asyncDispose]()));
    await postgres[Symbol.asyncDispose]();
  };
  return { postgres, first, second, watches, [Symbol.asyncDispose]: dispose };
}

/** The versions of job "j" on both nodes. */
async function versions({ first, second }: World): Promise<unknown[]> {
  const states = await Promise.all([first, second].map(({ url }) => queryState(url)));
  return states.map(({ jobs }) => jobs.find(({ jobId }) => jobId === "j")?.version);
}

/** Resolves when another session waits for the lock of the change, or for the standby. */
async function lookedFor({ primary }: ReplicatedPostgres): Promise<void> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' OR wait_event_type = 'Lock'";
  while ((await primary.query(waiting)).length < 2);
}
