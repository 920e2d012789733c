/** Three servers on one PostgreSQL that are restarted one after the other, under a worker and watchers of the SDK. */
import { describe, expect, it } from "vitest";
import { watch, type WatchEvent } from "../../src/client/index.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import type { Exit } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { RestartableServer } from "../kit/server/restartable-server.js";
import { SERVER_JOB_KEY, store } from "../server/jobs.js";

const FLAGS = ["--drain", "1s"];
const WATCHERS = 30;
const REPORTS_PER_RESTART = 20;

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`a rolling restart ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });

  it("moves every watcher without a Reset, and counts every report once", async () => {
    const database = await postgres.server.createDatabase();
    await using first = await RestartableServer.start(FLAGS, database);
    await using second = await RestartableServer.start(FLAGS, database);
    await using third = await RestartableServer.start(FLAGS, database);
    const nodes = [first, second, third];
    const urls = nodes.map(({ url }) => url);
    await store(urls[0]!, { task: { description: "work", volume: 1_000 } });
    const watched = Array.from({ length: WATCHERS }, () => eventsUntilCanceled(urls));
    const worker = new RetryingWorker(urls);

    const exits: Exit[] = [];
    for (const node of nodes) {
      const reported = worker.reaches(worker.answered + REPORTS_PER_RESTART);
      exits.push(await node.stop());
      await node.startAgain();
      await reported;
    }
    await worker.send({ updates: [{ status: "CANCELED" }] });

    expect(exits).toEqual(nodes.map(() => ({ code: 0, signal: null })));
    for (const events of await Promise.all(watched)) {
      expect(events.filter(({ kind }) => kind === "Reset")).toEqual([{ kind: "Reset", cause: "INITIAL" }]);
      expect(events.at(-1)).toMatchObject({ job: { task: { progress: { done: worker.answered } } } });
    }
  });
});

async function eventsUntilCanceled(urls: readonly string[]): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watch({ url: urls.join(","), database: SERVER_JOB_KEY.database })) {
    events.push(event);
    if ("job" in event && event.job.task.status === "CANCELED") break;
  }
  return events;
}
