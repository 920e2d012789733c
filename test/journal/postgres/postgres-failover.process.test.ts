/** What the driver does when PostgreSQL, its standby or the network fails. Runs in CI, in half a minute. */
import { describe, expect, it } from "vitest";
import {
  JournalError,
  type DatabaseJournal,
  type JournalNews,
  type JournalPoint,
} from "../../../src/journal/journal.js";
import { unavailableReason } from "../../../src/journal/unavailable-reason.js";
import { writeFailureReason } from "../../../src/journal/write-failure-reason.js";
import { databaseName, jobKey, loadAll, storing, updating } from "../../kit/journal/entries.js";
import { openPostgres } from "../../kit/journal/postgres-journals.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../../kit/postgres/installation.js";
import { startPostgres, type PostgresServer } from "../../kit/postgres/postgres-server.js";
import { ReplicatedPostgres } from "../../kit/postgres/replicated-postgres.js";
import { IS_FULL_LENGTH } from "../../kit/process/full-length.js";

const DB = databaseName("neo4j");
const JOB = jobKey("alice", "job");
const OTHER_JOB = jobKey("alice", "other");
const PATIENT = { timeout: 20_000, interval: 20 };

describe.skipIf(!HAS_POSTGRES || !IS_FULL_LENGTH)(`a failing PostgreSQL ${NEEDS_POSTGRES}`, () => {
  describe("that starts again", () => {
    it("keeps every entry, and begins a generation that older states belong to", async () => {
      await using server = await startPostgres();
      const journal = await openPostgres(server.url);
      const handle = await journal.open(DB);
      await handle.append([storing(JOB), updating(JOB, 1)]);
      const before = await loadAll(handle);
      await server.kill();
      await server.startAgain();
      const after = await eventually(() => loadAll(handle));
      expect(after).toMatchObject({ epoch: before.epoch, revision: 2, jobs: before.jobs });
      expect(after.generations).toEqual([
        { id: "", startsAt: 0 },
        { id: after.generation, startsAt: 2 },
      ]);
      expect(after.generation).toMatch(/^[\w-]{8}$/);
      expect(await newsOf(handle, before)).toEqual({ kind: "generation", generations: after.generations });
      expect(await handle.append([updating(JOB, 2)], before)).toEqual({ kind: "stale" });
      expect(await handle.append([updating(JOB, 2)], after)).toMatchObject({
        kind: "appended",
        firstRevision: 3,
      });
      expect(journal.engine!.stats()).toMatchObject({ generations: 1 });
    });

    it("tells a follower of the generation that another server has begun", async () => {
      await using server = await startPostgres();
      const [one, another] = [await openPostgres(server.url), await openPostgres(server.url)];
      const [handle, other] = [await one.open(DB), await another.open(DB)];
      await handle.append([storing(JOB)]);
      const news = newsOf(handle, await loadAll(handle));
      await server.restart();
      await eventually(() => other.append([updating(JOB, 1)]));
      expect(await news).toMatchObject({ kind: "generation", generations: [{ id: "" }, { startsAt: 1 }] });
    });
  });

  describe("whose standby takes over", () => {
    it("loses nothing that was answered if the standby is synchronous", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      await using proxy = await SeverableProxy.open(postgres.primary.url);
      const handle = await (await openPostgres(proxy.urlOf(postgres.primary.url))).open(DB);
      await handle.append([storing(JOB), updating(JOB, 1)]);
      const before = await loadAll(handle);
      await failOver(postgres, proxy);
      const after = await eventually(() => loadAll(handle));
      expect(after).toMatchObject({
        epoch: before.epoch,
        revision: 2,
        generations: [{ id: "" }, { startsAt: 2 }],
      });
      expect(await eventually(() => handle.append([updating(JOB, 2)], after))).toMatchObject({
        firstRevision: 3,
      });
    });

    it("makes the states that it lacks gone, and only those", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{}] });
      await using proxy = await SeverableProxy.open(postgres.primary.url);
      const handle = await (await openPostgres(proxy.urlOf(postgres.primary.url))).open(DB);
      await handle.append([storing(JOB)]);
      const kept = await loadAll(handle);
      const { server: standby, link } = postgres.standbys[0]!;
      await expect.poll(() => headOn(standby), PATIENT).toEqual([{ head: 1 }]);
      link.shut();
      await handle.append([updating(JOB, 1)]);
      const lost = await loadAll(handle);
      await failOver(postgres, proxy);
      const after = await eventually(() => loadAll(handle));
      expect(after).toMatchObject({ revision: 1, generations: [{ id: "" }, { startsAt: 1 }] });
      expect(await newsOf(handle, lost)).toEqual({ kind: "gone" });
      expect(await newsOf(handle, kept)).toMatchObject({ kind: "generation" });
      expect(await handle.append([updating(JOB, 1)], lost)).toEqual({ kind: "stale" });
    });

    it("is not read before: a standby is not writable, and loads and heads of it fail", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{}] });
      await using proxy = await SeverableProxy.open(postgres.primary.url);
      const journal = await openPostgres(proxy.urlOf(postgres.primary.url));
      const handle = await journal.open(DB);
      await handle.append([storing(JOB)]);
      const { server: standby } = postgres.standbys[0]!;
      await expect.poll(() => headOn(standby), PATIENT).toEqual([{ head: 1 }]);
      proxy.redirectTo(standby.url);
      proxy.sever();
      await expect.poll(() => journal.isWritable(), PATIENT).toBe(false);
      expect(await refusalOf(() => handle.head())).toBe("this server is a standby");
      expect(await refusalOf(() => loadAll(handle))).toBe("this server is a standby");
      proxy.redirectTo(postgres.primary.url);
      proxy.sever();
      await expect.poll(() => journal.isWritable(), PATIENT).toBe(true);
      expect(await eventually(() => handle.append([updating(JOB, 1)]))).toMatchObject({ kind: "appended" });
    });
  });

  describe("an append whose outcome is unknown", () => {
    it("is found only once its commit has ended: not while it waits for the standby", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      const [one, another] = [
        await openPostgres(postgres.primary.url),
        await openPostgres(postgres.primary.url),
      ];
      const [handle, other] = [await one.open(DB), await another.open(DB)];
      await handle.append([storing(JOB)]);
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const entry = updating(JOB, 1);
      const ended: string[] = [];
      const appending = handle.append([entry]).finally(() => ended.push("append"));
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_STANDBY), PATIENT).toBe(1);
      const finding = other.find(entry.commitId).finally(() => ended.push("find"));
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_LOCK), PATIENT).toBe(1);
      expect(await other.head()).toMatchObject({ revision: 1 });
      resume();
      expect(await Promise.all([appending, finding])).toMatchObject([{ firstRevision: 2 }, 2]);
      expect(ended).toEqual(["append", "find"]);
    });

    it("is one whose database is being created, too", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      const [one, another] = [
        await openPostgres(postgres.primary.url),
        await openPostgres(postgres.primary.url),
      ];
      const [handle, other] = [await one.open(DB), await another.open(DB)];
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const entry = storing(JOB);
      const appending = handle.append([entry]);
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_STANDBY), PATIENT).toBe(1);
      const finding = other.find(entry.commitId);
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_LOCK), PATIENT).toBe(1);
      resume();
      expect(await Promise.all([appending, finding])).toMatchObject([{ firstRevision: 1 }, 1]);
    });

    it("is one whose wait for the standby was cancelled", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      const handle = await (await openPostgres(postgres.primary.url)).open(DB);
      await handle.append([storing(JOB)]);
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const entry = updating(JOB, 1);
      const outcome = outcomeOf(handle.append([entry]));
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_STANDBY), PATIENT).toBe(1);
      await postgres.primary.query(`SELECT pg_cancel_backend(pid) FROM (${WAITING_FOR_STANDBY}) waiting`);
      expect(await outcome).toBe("unknown");
      resume();
      expect(await handle.find(entry.commitId)).toBe(2);
    });

    it("is one whose connection was lost, and it is found if it was written", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      await using proxy = await SeverableProxy.open(postgres.primary.url);
      const handle = await (await openPostgres(proxy.urlOf(postgres.primary.url))).open(DB);
      await handle.append([storing(JOB)]);
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const entry = updating(JOB, 1);
      const outcome = outcomeOf(handle.append([entry]));
      await expect.poll(() => countOf(postgres.primary, WAITING_FOR_STANDBY), PATIENT).toBe(1);
      proxy.sever();
      expect(await outcome).toBe("unknown");
      resume();
      expect(await handle.find(entry.commitId)).toBe(2);
    });

    it("keeps its connection while polls are answered, and shows how long it waits", async () => {
      await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
      const journal = await openPostgres(postgres.primary.url, { writeDeadlineMs: 500 });
      const handle = await journal.open(DB);
      const resume = await postgres.standbys[0]!.server.pauseReceiver();
      const appended = handle.append([storing(JOB)]);
      await expect.poll(() => journal.engine!.stats().oldestAppendMs, PATIENT).toBeGreaterThan(2_000);
      resume();
      expect(await appended).toMatchObject({ firstRevision: 1 });
      expect(journal.engine!.stats()).toMatchObject({ failedAppends: 0, oldestAppendMs: 0 });
    });

    it("cannot be written after it was not found", async () => {
      await using server = await startPostgres();
      await using proxy = await SeverableProxy.open(server.url);
      const handle = await (await openPostgres(proxy.urlOf(server.url), { writeDeadlineMs: 1_000 })).open(DB);
      await handle.append([storing(JOB)]);
      const entry = updating(JOB, 1);
      const [{ pid }] = (await server.query(APPENDERS)) as [{ pid: number }];
      proxy.swallow(["client"]);
      expect(await outcomeOf(handle.append([entry]))).toBe("unknown");
      proxy.swallow([]); // new connections work, and what was swallowed is still on its way
      expect(await eventually(() => handle.find(entry.commitId))).toBeUndefined();
      proxy.release();
      expect(await handle.append([storing(OTHER_JOB)])).toMatchObject({ firstRevision: 2 });
      const backend = `SELECT FROM pg_stat_activity WHERE pid = ${pid}`;
      await expect.poll(() => countOf(server, backend), PATIENT).toBe(0);
      expect(await loadAll(handle)).toMatchObject({ revision: 2, jobs: { length: 2 } });
    });
  });

  describe("that cannot be reached", () => {
    it("is silent until it answers, writes nothing meanwhile, and is used again after it", async () => {
      await using server = await startPostgres();
      await using proxy = await SeverableProxy.open(server.url);
      const journal = await openPostgres(proxy.urlOf(server.url));
      const handle = await journal.open(DB);
      await handle.append([storing(JOB)]);
      proxy.shut();
      await expect.poll(() => journal.engine!.silentMs(), PATIENT).toBeGreaterThan(1_000);
      const failure: unknown = await handle.append([updating(JOB, 1)]).catch((error: unknown) => error);
      expect(failure).toMatchObject({ outcome: "nothing written" });
      expect(writeFailureReason(failure)).toBe("there is no connection to the database server");
      expect(unavailableReason(failure)).toBe(
        "It cannot be read: there is no connection to the database server. Try again.",
      );
      expect(await journal.isWritable()).toBe(false);
      proxy.reopen();
      await expect.poll(() => journal.engine!.silentMs(), PATIENT).toBe(0);
      expect(await handle.append([updating(JOB, 1)])).toMatchObject({ firstRevision: 2 });
    });

    it("is noticed if the network swallows everything", async () => {
      await using server = await startPostgres();
      await using proxy = await SeverableProxy.open(server.url);
      const journal = await openPostgres(proxy.urlOf(server.url), { writeDeadlineMs: 1_000 });
      const handle = await journal.open(DB);
      await handle.append([storing(JOB)]);
      proxy.hold();
      expect(await outcomeOf(handle.append([updating(JOB, 1)]))).toBe("unknown");
      await expect.poll(() => journal.engine!.silentMs(), PATIENT).toBe(0);
      expect(await eventually(() => handle.append([storing(OTHER_JOB)]))).toMatchObject({ kind: "appended" });
    });
  });
});

/** The primary fails, and its address leads to the standby. */
async function failOver({ primary, standbys }: ReplicatedPostgres, proxy: SeverableProxy): Promise<void> {
  const { server } = standbys[0]!;
  await primary.kill();
  await server.promote();
  proxy.redirectTo(server.url);
  proxy.sever();
}

/** The first news after a point. */
async function newsOf(handle: DatabaseJournal, point: JournalPoint): Promise<JournalNews | void> {
  const news = handle.follow(() => point, new AbortController().signal)[Symbol.asyncIterator]();
  return (await news.next()).value;
}

/** What is known after an append that fails. */
async function outcomeOf(append: Promise<unknown>): Promise<unknown> {
  return append.catch((error: unknown) => (error instanceof JournalError ? error.outcome : error));
}

/** Repeats what fails with a JournalError, until it succeeds. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    const result = await work().catch(journalErrorOrThrow);
    if (!(result instanceof JournalError)) return result;
  }
}

/** The message with which the journal refuses to read from a standby, once its connections lead there. */
async function refusalOf(read: () => Promise<unknown>): Promise<string> {
  for (;;) {
    const result = await read().catch(journalErrorOrThrow);
    if (result instanceof JournalError && result.outcome === "nothing written") return result.message;
  }
}

function journalErrorOrThrow(error: unknown): JournalError {
  if (error instanceof JournalError) return error;
  throw error;
}

const WAITING_FOR_STANDBY =
  "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%append%'";
const WAITING_FOR_LOCK = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
const APPENDERS = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT * FROM tidemark.append%'";

/** Undefined until the standby has the schema. */
async function headOn(standby: PostgresServer): Promise<object[] | undefined> {
  return standby.query("SELECT head::int FROM tidemark.databases").catch(() => undefined);
}

async function countOf(server: PostgresServer, sql: string): Promise<number> {
  return (await server.query(sql)).length;
}
