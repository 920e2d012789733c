/** The conformance suite runs in CI. The rest takes seconds. */
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  DamagedJournalError,
  UnknownFormatError,
  type AppendResult,
  type DatabaseJournal,
  type JournalEntry,
  type JournalPoint,
  type JournalRecord,
} from "../../../src/journal/journal.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import type { JobKey } from "../../../src/tasks/names.js";
import { journalSuite } from "../../conformance/journal-suite.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";
import { delayJournal } from "../../kit/journal/delayed-journal.js";
import {
  databaseName,
  jobKey,
  type JournalSnapshot,
  loadAll,
  openWriter,
  recordsAfter,
  removes,
  removing,
  reports,
  sorted,
  stores,
  storing,
  updating,
} from "../../kit/journal/entries.js";
import { createFaultyJournal } from "../../kit/journal/faulty-journal.js";
import { openPostgres, postgresOpener, POSTGRES_OPTIONS } from "../../kit/journal/postgres-journals.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../../kit/postgres/installation.js";
import { startPgBouncer, type PgBouncer } from "../../kit/postgres/pgbouncer.js";
import { sharedPostgres } from "../../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../../kit/process/full-length.js";

const DB = databaseName("neo4j");
const JOB = jobKey("alice", "job");
const OTHER_JOB = jobKey("alice", "other");
const JOBS = ["a", "b", "c", "d", "e"].map((jobId) => jobKey("alice", jobId));
const TREE = { description: "root", subTasks: [{ description: "leaf", volume: 10_000 }] };
const COMPACTED = "SELECT compacted::int FROM tidemark.databases";
const WAITING_FOR_LOCK = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
const PATIENT = { timeout: 15_000 };
const OLDEST = "SELECT min(revision)::int AS oldest FROM tidemark.entries";
const ROUNDS = IS_FULL_LENGTH ? 100 : 10;

describe.skipIf(!HAS_POSTGRES)(`in PostgreSQL ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });
  const newUrl = (): Promise<string> => postgres.server.createDatabase();

  describe.skipIf(!IS_FULL_LENGTH)("with and without faults (in CI)", () => {
    const bare = postgresOpener(() => postgres.server);
    journalSuite("the PostgreSQL journal", bare.openFresh, bare.reopen);

    const delayed = postgresOpener(() => postgres.server, {
      decorate: (journal) => delayJournal(journal, seededRandom(20_240_229)),
    });
    journalSuite("the PostgreSQL journal with delays", delayed.openFresh, delayed.reopen);

    const faulty = postgresOpener(() => postgres.server, { decorate: createFaultyJournal });
    journalSuite("the faulty PostgreSQL journal without planned failures", faulty.openFresh, faulty.reopen);
  });

  describe.skipIf(!IS_FULL_LENGTH)("behind PgBouncer (in CI)", () => {
    let bouncer: PgBouncer | undefined;
    const bounced = postgresOpener(() => postgres.server, { urlOf: (url) => bouncer!.urlOf(url) });
    beforeAll(async () => {
      bouncer = await startPgBouncer(postgres.server.url);
    });
    afterAll(() => bouncer?.[Symbol.asyncDispose]());

    journalSuite("the PostgreSQL journal in transaction mode", bounced.openFresh, bounced.reopen);
  });

  describe("two servers", () => {
    it("see each other's databases and entries", async () => {
      const { one, another } = await twoServers(await newUrl());
      await one.append([storing(JOB)]);
      expect(await loadAll(another)).toMatchObject({ revision: 1, jobs: [JOB] });
      const records = recordsAfter(another, 0, new AbortController().signal);
      expect(await records.next()).toMatchObject({ value: { revision: 1 } });
      const next = records.next(); // it waits: there is nothing new
      await one.append([updating(JOB, 1)]);
      expect(await next).toMatchObject({ value: { revision: 2 } });
    });

    it("read only the entries of others: a follower that knows its own appends gets nothing for them", async () => {
      const { one, another } = await twoServers(await newUrl());
      const start = await loadAll(one);
      let revision = 0;
      const point = (): JournalPoint => ({ ...start, revision });
      const next = one.follow(point, new AbortController().signal)[Symbol.asyncIterator]().next();
      for (; revision < 20; revision++) await one.append([storing(jobKey("alice", `numbered-${revision}`))]);
      await another.append([storing(OTHER_JOB)]);
      expect(await next).toMatchObject({ value: { kind: "entries", records: [{ revision: 21 }] } });
    });

    it(`lose and double no change of one job in ${ROUNDS} rounds at once`, async () => {
      const { one, another } = await twoServers(await newUrl());
      await one.append([storing(JOB)]);
      for (let round = 0; round < ROUNDS; round++) {
        const results = await Promise.all(
          [one, another].map((handle) => handle.append([updating(JOB, round + 1)])),
        );
        expect(results.map(({ kind }) => kind).toSorted()).toEqual(["appended", "conflict"]);
      }
      expect(await one.head()).toMatchObject({ revision: ROUNDS + 1 });
      expect(await loadAll(another)).toMatchObject({ jobs: [{ revision: ROUNDS + 1 }] });
    });

    it(`both append to different jobs in ${ROUNDS} rounds at once, without a gap`, async () => {
      const { one, another } = await twoServers(await newUrl());
      await Promise.all([appendOften(one, JOB), appendOften(another, OTHER_JOB)]);
      const { revision, jobs } = await loadAll(one);
      expect({ revision, jobs: jobs.length }).toEqual({ revision: 2 * ROUNDS, jobs: 2 });
      const records = await taken(recordsAfter(another, 0, new AbortController().signal), revision);
      expect(records.map((record) => record.revision)).toEqual(
        Array.from({ length: revision }, (_, at) => at + 1),
      );
    });

    it("take turns: an append that waited for another one sees what that one wrote", async () => {
      const url = await newUrl();
      const { one, another } = await twoServers(url);
      await one.append([storing(JOB)]);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query("BEGIN; SELECT FROM tidemark.databases FOR UPDATE");
      const appends = Promise.all([one, another].map((handle) => handle.append([updating(JOB, 1)])));
      const waiting = async (): Promise<number> => (await postgres.server.query(WAITING_FOR_LOCK)).length;
      await expect.poll(waiting, PATIENT).toBe(2);
      await client.end();
      expect((await appends).map(({ kind }) => kind).toSorted()).toEqual(["appended", "conflict"]);
    });

    it("create a database once, in one epoch, and the other one's state of nothing is stale", async () => {
      const { one, another } = await twoServers(await newUrl());
      const [point, otherPoint] = [await loadAll(one), await loadAll(another)];
      expect(await one.append([storing(JOB)], point)).toMatchObject({ kind: "appended" });
      expect(await another.append([storing(OTHER_JOB)], otherPoint)).toEqual({ kind: "stale" });
      expect(await loadAll(another)).toMatchObject({ epoch: point.epoch, revision: 1 });
    });

    it("never hold the lease of a database both, and one gets it when the other one closes", async () => {
      const url = await newUrl();
      const [first, second] = [await openPostgres(url), await openPostgres(url)];
      const [one, another] = [await first.open(DB), await second.open(DB)];
      expect([one.holdsLease(), another.holdsLease()]).toEqual([true, false]);
      expect(await second.engine!.takeLease(DB)).toBe(false);
      await one.close();
      expect(await second.engine!.takeLease(DB)).toBe(true);
      expect(another.holdsLease()).toBe(true);
      expect(second.engine!.stats()).toMatchObject({ leases: 1 });
    });

    it("begin a new epoch in every database if one is started with that option", async () => {
      const url = await newUrl();
      const one = await (await openPostgres(url)).open(DB);
      await one.append([storing(JOB)]);
      const { epoch } = await loadAll(one);
      await openPostgres(url, { newEpoch: true });
      const after = await loadAll(one);
      expect(after).toMatchObject({ revision: 1, jobs: [JOB] });
      expect(after.epoch).not.toBe(epoch);
    });
  });

  describe("the state", () => {
    it("has exactly the removals that the journal in memory has, after any appends", async () => {
      const options = { ...POSTGRES_OPTIONS, removalsKeptMax: 2 };
      const journal = await openPostgres(await newUrl(), options);
      let count = 0;
      const check = async (batches: readonly (readonly Step[])[]): Promise<void> => {
        const name = databaseName(`database-${++count}`);
        await using memory = createMemoryJournal(options);
        const [model, handle] = [await memory.open(name), await journal.open(name)];
        for (const steps of batches) {
          const entries = entriesOf(steps, await loadAll(model));
          expect(await handle.append(entries)).toEqual(await model.append(entries));
          expect(await stateOf(handle)).toEqual(await stateOf(model));
        }
        expect(await journal.databases()).toMatchObject(await memory.databases());
        await handle.erase();
      };
      await fc.assert(fc.asyncProperty(fc.array(BATCH, { minLength: 1, maxLength: 8 }), check), {
        numRuns: 3 * ROUNDS,
      });
    });

    it("is the same after it was compacted, and its old entries are deleted", async () => {
      const options = { removalsKeptMax: 2, logLinesPerJobMax: 3, pendingMax: 1, entriesKeptMs: 0 };
      const url = await newUrl();
      const handle = await (await openPostgres(url, options)).open(DB);
      const writer = await openWriter(handle, options);
      await writer.write(...JOBS.map((key) => stores(key, TREE)), removes(JOBS[0]!), removes(JOBS[1]!));
      const compacted = (): Promise<object[]> => postgres.server.query(COMPACTED, url);
      await expect.poll(compacted, PATIENT).toEqual([{ compacted: 7 }]);
      await writer.write(stores(JOBS[0]!, TREE), removes(JOBS[2]!), removes(JOBS[4]!));
      for (let round = 0; round < 300; round++)
        await writer.write(
          ...[0, 3, 3, 3].map((at) => reports(JOBS[at]!, { updates: [{ path: "0", add: 1 }] })),
        );
      await expect.poll(compacted, PATIENT).toEqual([{ compacted: 1_210 }]);
      expect(sorted(await loadAll(handle))).toEqual(writer.expected());
      await expect
        .poll(async () => (await postgres.server.query(OLDEST, url))[0], PATIENT)
        .toEqual({ oldest: 211 });
      await expect(recordsAfter(handle, 0, new AbortController().signal).next()).rejects.toThrow("gone");
      expect(await recordsAfter(handle, 210, new AbortController().signal).next()).toMatchObject({
        value: { revision: 211 },
      });
      await writer.write(reports(JOBS[3]!, { updates: [{ path: "0", add: 1 }] }), stores(JOBS[2]!));
      expect(sorted(await loadAll(handle))).toEqual(writer.expected());
    });

    it("of a later version is refused, and left as it is", async () => {
      const url = await newUrl();
      const handle = await (await openPostgres(url)).open(DB);
      await handle.append([storing(JOB)]);
      await postgres.server.query(
        `UPDATE tidemark.entries SET body = replace(body, '"format":1', '"format":9')`,
        url,
      );
      await expect(loadAll(handle)).rejects.toThrow(UnknownFormatError);
      await postgres.server.query("UPDATE tidemark.entries SET body = 'x'", url);
      await expect(loadAll(handle)).rejects.toThrow(DamagedJournalError);
      await postgres.server.query("UPDATE tidemark.schema_version SET version = 9", url);
      await expect(openPostgres(url)).rejects.toThrow(/The schema tidemark .* has version 9, which Tidemark/);
    });
  });

  describe("a start", () => {
    it("makes the schema once if several servers start at once", async () => {
      const url = await newUrl();
      const journals = await Promise.all(Array.from({ length: 4 }, () => openPostgres(url)));
      expect(await Promise.all(journals.map((journal) => journal.isWritable()))).toEqual([
        true,
        true,
        true,
        true,
      ]);
    });

    it.each(["off", "local"])(
      "is refused if PostgreSQL commits with synchronous_commit %s, unless it is allowed",
      async (level) => {
        const url = await newUrl();
        await postgres.server.query(`ALTER DATABASE ${nameOf(url)} SET synchronous_commit = ${level}`);
        await expect(openPostgres(url)).rejects.toThrow(`synchronous_commit is ${level}`);
        const handle = await (await openPostgres(url, { synchronousCommit: level })).open(DB);
        expect(await handle.append([storing(JOB)])).toMatchObject({ kind: "appended" });
      },
    );

    it("is refused with another isolation level than read committed", async () => {
      const url = await newUrl();
      await postgres.server.query(
        `ALTER DATABASE ${nameOf(url)} SET default_transaction_isolation = 'repeatable read'`,
      );
      await expect(openPostgres(url)).rejects.toThrow("default_transaction_isolation is repeatable read");
    });

    it("is refused with a message that names the server, but not the password", async () => {
      const opening = openPostgres("postgres://tidemark:hunter2@127.0.0.1:1/jobs");
      await expect(opening).rejects.toThrow(
        "Cannot use the store postgres://tidemark:***@127.0.0.1:1/jobs: ",
      );
      await expect(opening).rejects.toThrow("ECONNREFUSED");
    });
  });
});

async function twoServers(url: string): Promise<{ one: DatabaseJournal; another: DatabaseJournal }> {
  const [first, second] = [await openPostgres(url), await openPostgres(url)];
  return { one: await first.open(DB), another: await second.open(DB) };
}

/** Each entry is made from the revision that the one before was given. */
async function appendOften(handle: DatabaseJournal, key: JobKey): Promise<void> {
  const first = await handle.append([storing(key)]);
  let revision = firstRevisionOf(first);
  for (let round = 1; round < ROUNDS; round++)
    revision = firstRevisionOf(await handle.append([updating(key, revision)]));
}

function firstRevisionOf(result: AppendResult): number {
  return result.kind === "appended" ? result.firstRevision : NaN;
}

async function taken(records: AsyncIterator<JournalRecord>, count: number): Promise<JournalRecord[]> {
  const first: JournalRecord[] = [];
  while (first.length < count) first.push((await records.next()).value as JournalRecord);
  return first;
}

interface Step {
  readonly key: JobKey;
  readonly kind: "store" | "update" | "remove";
  /** Made from a revision that the job never had. */
  readonly isLate: boolean;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  key: fc.constantFrom(...JOBS),
  kind: fc.constantFrom("store", "update", "remove", "remove"),
  isLate: fc.nat({ max: 9 }).map((number) => number === 0),
});
const BATCH = fc.array(STEP, { minLength: 1, maxLength: 8 });

/** Entries that follow from the state: a job that is not stored can only be stored. */
function entriesOf(steps: readonly Step[], { jobs, removals }: JournalSnapshot): JournalEntry[] {
  const states = new Map([...jobs, ...removals].map((state) => [state.jobId, state.revision]));
  const stored = new Set<string>(jobs.map(({ jobId }) => jobId));
  return steps.map(({ key, kind, isLate }) => {
    const madeFrom = (states.get(key.jobId) ?? 0) + Number(isLate);
    const isStored = stored.has(key.jobId);
    if (!isStored || kind === "store") {
      stored.add(key.jobId);
      return storing(key, madeFrom);
    }
    if (kind === "remove") stored.delete(key.jobId);
    return kind === "remove" ? removing(key, madeFrom) : updating(key, madeFrom);
  });
}

async function stateOf(handle: DatabaseJournal): Promise<object> {
  const { revision, tombstoneHorizon, jobs, removals } = sorted(await loadAll(handle));
  return { revision, tombstoneHorizon, jobs, removals };
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
