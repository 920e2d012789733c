import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startNode, startNodeProcess } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import type { PostgresServer } from "../kit/postgres/postgres-server.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { CAN_FAKE_TIME, NEEDS_FAKETIME, timeShift } from "../kit/process/fake-time.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { store, update } from "../server/jobs.js";
import { queryState } from "../server/task-events.js";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`The lease of a database ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres();

  it("passes to another node when its holder hangs, and the holder judges no job again when it continues", async () => {
    const database = await postgres.server.createDatabase();
    await using holder = await startNodeProcess(database);
    await store(holder.url, { leaseSeconds: 1 });
    await using other = await startNode(database);
    using watch = await RecordedWatch.open(other.url);
    await watch.event(({ kind }) => kind === "CaughtUp");

    holder.program.signal("SIGSTOP");
    await watch.event(hasHealth("LOST"));
    holder.program.signal("SIGCONT");
    await expect.poll(() => healthOn(holder.url), { timeout: 30_000 }).toBe("LOST");
    await update(holder.url, { updates: [{ done: 1 }] });
    await watch.reaches(1);

    expect(watch.events.map(({ userTask }) => userTask?.health)).toEqual([
      undefined,
      "OK",
      undefined,
      "SILENT",
      "LOST",
      "OK",
    ]);
  });

  it.runIf(CAN_FAKE_TIME)(
    `judges no job too early, and tells the time of PostgreSQL, on nodes whose clocks are an hour apart ${NEEDS_FAKETIME}`,
    async () => {
      const { server } = postgres;
      const database = await server.createDatabase();
      const [early, late] = await Promise.all(["-30m", "+30m"].map((shift) => startShifted(database, shift)));
      await using earlyNode = early!;
      await using lateNode = late!;
      await store(lateNode.url, { leaseSeconds: 2, task: { description: "work", volume: 1_000_000 } });
      using watch = await RecordedWatch.open(lateNode.url);
      await watch.event(({ kind }) => kind === "CaughtUp");

      const worker = new RetryingWorker([earlyNode.url]);
      const elsewhere = new RetryingWorker([lateNode.url]);
      const until = (await secondsOf(server)) + 5;
      for (let units = 1; (await secondsOf(server)) < until; units++)
        await Promise.all([worker.reaches(units), elsewhere.reaches(units)]);
      await watch.reaches(worker.answered + elsewhere.answered);
      const judged = watch.events.length;
      await watch.event(hasHealth("LOST"));

      const minutesOff = watch.events.map(({ at }) => Math.abs(Date.parse(at) / 1_000 - until) / 60);
      expect(Math.max(...minutesOff)).toBeLessThan(10); // all times are those of PostgreSQL
      const healths = watch.events.map(({ userTask }) => userTask?.health);
      expect(new Set(healths.slice(0, judged))).toEqual(new Set([undefined, "OK"]));
      expect(healths.slice(judged)).toEqual(["SILENT", "LOST"]);
      await expect.poll(() => healthOn(earlyNode.url), { timeout: 30_000 }).toBe("LOST");
    },
  );
});

function hasHealth(wanted: string): Parameters<RecordedWatch["event"]>[0] {
  return ({ userTask }) => userTask?.health === wanted;
}

/** The health of job "j"; undefined while the node does not answer. */
async function healthOn(url: string): Promise<string | undefined> {
  const { jobs } = await queryState(url).catch(() => ({ jobs: [] }));
  return jobs.find(({ jobId }) => jobId === "j")?.health;
}

async function startShifted(database: string, shift: string): ReturnType<typeof startNodeProcess> {
  return startNodeProcess(database, ["--lost-after", "2"], {
    env: timeShift(join(temporaryFolder(), "shift"), shift),
  });
}

/** The time of day of PostgreSQL. */
async function secondsOf(server: PostgresServer): Promise<number> {
  const [row] = await server.query<{ s: number }>(
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS s",
  );
  return row!.s;
}
