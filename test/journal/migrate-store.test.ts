import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Journal, JournalHead, OpenOptions } from "../../src/journal/journal.js";
import { migrateStore, type MigrationEvent } from "../../src/journal/migrate-store.js";
import { openJournal } from "../../src/journal/open-journal.js";
import { silentLog } from "../../src/util/log.js";
import { seededRandom } from "../kit/deterministic/seeded-random.js";
import { flipBits } from "../kit/disk-faults/folder-files.js";
import {
  databaseName,
  grows,
  jobKey,
  loadAll,
  openWriter,
  removes,
  reports,
  sorted,
  stores,
  storing,
  updating,
  type JournalSnapshot,
  type ScriptedChange,
} from "../kit/journal/entries.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";

const BOUNDS = { removalsKeptMax: 20, logLinesPerJobMax: 5 };
const OPTIONS: OpenOptions = { ...BOUNDS, newEpoch: false, log: silentLog };
const DB = databaseName("neo4j");
const OTHER = databaseName("movies");
const JOB = jobKey("alice", "job");
const KEYS = Array.from({ length: 30 }, (_, index) => jobKey("alice", `job-${index}`));

describe("a migration from a folder to another", () => {
  specifyCopies(async () => newFolder());

  it("is refused while a server uses the source, and names its process", async () => {
    const from = await folderWith(DB);
    await opened(from);
    await expect(migrate(from, newFolder())).rejects.toThrow(`is in use by process ${process.pid}`);
  });

  it("is refused if the source does not exist, which is not created", async () => {
    const from = newFolder();
    await expect(migrate(from, newFolder())).rejects.toThrow(/^--from: Cannot use the folder .*ENOENT/);
    expect(existsSync(pathOf(from))).toBe(false);
  });

  it("is refused from and to a store in memory, and from a store to itself", async () => {
    const from = await folderWith(DB);
    await expect(migrate("memory:", newFolder())).rejects.toThrow("The store of --from keeps nothing");
    await expect(migrate(from, "memory:")).rejects.toThrow("The store of --to keeps nothing");
    await expect(migrate(from, from)).rejects.toThrow("--from and --to are the same store");
  });

  it("is refused if the source lacks a database that was named, and creates no target", async () => {
    const [from, to] = [await folderWith(DB), newFolder()];
    await expect(migrate(from, to, ["neo4j", "nope"])).rejects.toThrow(
      `The store of --from has no database "nope".`,
    );
    expect(existsSync(pathOf(to))).toBe(false);
  });

  it("is refused if a database cannot be read, and copies the others by name", async () => {
    const [from, to] = [await folderWith(DB, OTHER), newFolder()];
    flipBits(join(pathOf(from), "movies.mdb"), `"epoch"`);
    await expect(migrate(from, to)).rejects.toThrow(`Cannot read the database "movies": It is damaged.`);
    await migrate(from, to, ["neo4j"]);
    expect(await namesIn(to)).toEqual(["neo4j"]);
  });

  it("leaves nothing of a database that turns out to be damaged", async () => {
    const [from, to] = [await folderWith(DB), newFolder()];
    flipBits(join(pathOf(from), "neo4j.mdb"), `"job-7"`);
    await expect(migrate(from, to)).rejects.toThrow(/^Cannot copy the database "neo4j": The file is damaged/);
    expect(await namesIn(to)).toEqual([]);
  });
});

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`a migration to PostgreSQL ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });
  const newDatabase = (): Promise<string> => postgres.server.createDatabase();
  specifyCopies(newDatabase);

  it("and back keeps everything, with a generation for each copy", async () => {
    const [from, to, back] = [await folderWith(DB, OTHER), await newDatabase(), newFolder()];
    const before = await contentIn(from);
    await migrate(from, to);
    const { revision } = await writeTo(to, DB, 7);
    const between = await contentIn(to);
    await migrate(to, back);
    const after = await contentIn(back);

    expect(withoutGenerations(after)).toEqual(withoutGenerations(between));
    expect(after.generations).toEqual([
      { id: "", startsAt: 0 },
      { id: expect.stringMatching(/^[\w-]{8}$/), startsAt: before.revision },
      { id: expect.stringMatching(/^[\w-]{8}$/), startsAt: revision },
    ]);
    expect(await namesIn(back)).toEqual(["movies", "neo4j"]);
  });

  it("is refused while a server uses a database of the source, before anything is copied", async () => {
    const [from, to] = [await newDatabase(), newFolder()];
    await writeTo(from, DB, 1);
    await writeTo(from, OTHER, 1);
    await (await opened(from)).open(DB);
    await expect(migrate(from, to)).rejects.toThrow(
      `A server uses the database "neo4j" of --from. Stop all servers`,
    );
    expect(existsSync(pathOf(to))).toBe(false);
    await migrate(from, to, ["movies"]);
    expect(await namesIn(to)).toEqual(["movies"]);
  });

  it("is refused from a PostgreSQL database that no server has used, which does not change", async () => {
    const from = await newDatabase();
    await expect(migrate(from, newFolder())).rejects.toThrow("no Tidemark has used it");
    expect(await postgres.server.query("SELECT FROM pg_namespace WHERE nspname = 'tidemark'", from)).toEqual(
      [],
    );
  });

  it("deletes its copy if a server has changed the source meanwhile", async () => {
    const [from, to] = [await newDatabase(), await newDatabase()];
    await writeTo(from, DB, 1);
    await (await opened(to)).close();
    const blocker = await lockOfName(to);
    const intruder = await opened(from);
    let changed: Promise<void> | undefined;
    const change = async (): Promise<void> => {
      const handle = await intruder.open(DB);
      await handle.append([storing(jobKey("mallory", "job"))]);
      await blocker.end();
    };
    const migrated = migrate(from, to, [], () => (changed ??= change()));

    await expect(migrated).rejects.toThrow(
      `The database "neo4j" has changed while it was copied. Stop all servers that use --from. The copy was deleted`,
    );
    await changed;
    expect(await namesIn(to)).toEqual([]);
  });

  it("never shows the password of a store", async () => {
    const to = (await newDatabase()).replace("@", ":s3cret@").replace(/\/test_\d+$/, "/none");
    const error: unknown = await migrate(await folderWith(DB), to).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('database "none" does not exist');
    expect(String(error)).not.toContain("s3cret");
  });
});

function specifyCopies(newTarget: () => Promise<string>): void {
  it("copies databases with their epoch, revisions, removals, logs and tombstone horizon", async () => {
    const [from, to] = [await folderWith(DB, OTHER), await newTarget()];
    const before = [await contentIn(from), await contentIn(from, OTHER)];
    const events = await migrate(from, to);
    const after = [await contentIn(to), await contentIn(to, OTHER)];

    expect(before[0]!.tombstoneHorizon).toBeGreaterThan(0);
    expect(before[0]!.jobs.some(({ log }) => log.length > 0)).toBe(true);
    expect(after.map(withoutGenerations)).toEqual(before.map(withoutGenerations));
    expect(events.filter(({ kind }) => kind === "done")).toEqual([
      doneEvent(OTHER, before[1]!, false),
      doneEvent(DB, before[0]!, false),
    ]);
  });

  it("begins a generation, so that later states of the source are not taken for those of the copy", async () => {
    const [from, to] = [await folderWith(DB), await newTarget()];
    const { epoch, revision } = await contentIn(from);
    await migrate(from, to);
    await writeTo(to, DB, 3);
    const { generations } = await contentIn(to);
    expect(generations).toEqual([
      { id: "", startsAt: 0 },
      { id: expect.stringMatching(/^[\w-]{8}$/), startsAt: revision },
    ]);
    expect(await newsIn(to, { epoch, generation: "", revision })).toEqual({
      kind: "generation",
      generations,
    });
    expect(await newsIn(to, { epoch, generation: "", revision: revision + 1 })).toEqual({ kind: "gone" });
  });

  it("copies only the databases that are named, whatever their case", async () => {
    const [from, to] = [await folderWith(DB, OTHER), await newTarget()];
    await migrate(from, to, ["Movies"]);
    expect(await namesIn(to)).toEqual(["movies"]);
  });

  it("goes on where an earlier migration has ended", async () => {
    const [from, to] = [await folderWith(DB, OTHER), await newTarget()];
    await migrate(from, to, ["movies"]);
    const before = await contentIn(to, OTHER);
    const events = await migrate(from, to);

    expect(events.filter(({ kind }) => kind === "done")).toEqual([
      doneEvent(OTHER, before, true),
      doneEvent(DB, await contentIn(to), false),
    ]);
    expect(await contentIn(to, OTHER)).toEqual(before);
  });

  it("is refused if the target has another database of the name, or one that has changed, and copies nothing", async () => {
    const [from, to] = [await folderWith(DB, OTHER), await newTarget()];
    await migrate(from, to, ["neo4j"]);
    await writeTo(to, DB, 1);
    const before = await contentIn(to);
    await expect(migrate(from, to)).rejects.toThrow(
      `The store of --to has other databases of the same name: "neo4j". Nothing was copied.`,
    );
    expect(await namesIn(to)).toEqual(["neo4j"]);
    expect(await contentIn(to)).toEqual(before);
  });
}

async function migrate(
  from: string,
  to: string,
  databases: readonly string[] = [],
  onEvent: () => unknown = () => {},
): Promise<readonly MigrationEvent[]> {
  const events: MigrationEvent[] = [];
  await migrateStore({ from, to, databases }, (event) => {
    events.push(event);
    onEvent();
  });
  return events;
}

/** A store in a folder that does not exist yet. */
function newFolder(): string {
  return `lmdb:${join(temporaryFolder(), "data")}`;
}

function pathOf(store: string): string {
  return store.slice("lmdb:".length);
}

/** A folder with random databases. */
async function folderWith(...names: readonly ReturnType<typeof databaseName>[]): Promise<string> {
  const store = newFolder();
  await using journal = await openJournal(store, OPTIONS);
  for (const [seed, name] of names.entries()) {
    const handle = await journal.open(name);
    const random = seededRandom(seed);
    const writer = await openWriter(handle, BOUNDS);
    await writer.write(...KEYS.map((key) => stores(key, TREE)));
    for (let step = 0; step < 25; step++) await writer.write(...randomChanges(random));
    await writer.write(...KEYS.slice(5, 28).map(removes));
    for (let step = 0; step < 10; step++) await writer.write(...randomChanges(random));
    await handle.close();
  }
  return store;
}

const TREE = {
  description: "root",
  subTasks: [
    { description: "leaf", volume: 10 },
    { description: "open", iterations: { mode: "OPEN", tasks: [{ description: "ünïcode \u2028 ✓" }] } },
  ],
} as const;

function randomChanges(random: () => number): ScriptedChange[] {
  return Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const key = KEYS[Math.floor(random() * KEYS.length)]!;
    const level = "INFO";
    const kinds = [
      stores(key, TREE),
      reports(key, {
        updates: [{ path: "0", add: 1 }],
        log: [1, 2, 3].map(() => ({ path: "", level, message: "line\nfeed\t\\n ✓" })),
      }),
      reports(key, { updates: [{ path: "1", iteration: 2 }] }),
      grows(key, "", [{ description: "more" }]),
      removes(key),
    ] as const;
    return kinds[Math.floor(random() * kinds.length)]!;
  });
}

async function opened(store: string): Promise<Journal> {
  const journal = await openJournal(store, OPTIONS);
  onTestFinished(() => journal.close());
  return journal;
}

/** Adds changes of one job, and returns the head. */
async function writeTo(store: string, name: typeof DB, count: number): Promise<JournalHead> {
  await using journal = await openJournal(store, OPTIONS);
  const handle = await journal.open(name);
  const { jobs, removals } = await loadAll(handle);
  const before = [...jobs, ...removals].find(({ jobId }) => jobId === JOB.jobId)?.revision ?? 0;
  await handle.append([storing(JOB, before), ...Array.from({ length: count - 1 }, () => updating(JOB, 0))]);
  return await handle.load(() => {});
}

async function contentIn(store: string, name = DB): Promise<JournalSnapshot> {
  await using journal = await openJournal(store, OPTIONS);
  return sorted(await loadAll(await journal.open(name)));
}

async function namesIn(store: string): Promise<readonly string[]> {
  await using journal = await openJournal(store, OPTIONS);
  return (await journal.databases()).map(({ name }) => name);
}

async function newsIn(
  store: string,
  point: Pick<JournalHead, "epoch" | "generation" | "revision">,
): Promise<unknown> {
  await using journal = await openJournal(store, OPTIONS);
  const handle = await journal.open(DB);
  for await (const news of handle.follow(() => point, AbortSignal.timeout(10_000))) return news;
  return undefined;
}

function withoutGenerations({ generation, generations, ...content }: JournalSnapshot): object {
  return content;
}

function doneEvent(name: string, { jobs, removals }: JournalSnapshot, wasThere: boolean): MigrationEvent {
  return { kind: "done", name, jobs: jobs.length, removals: removals.length, wasThere };
}

/** A connection that holds the lock of the name "neo4j", so that nothing can create that database. */
async function lockOfName(store: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT tidemark.lock_name('neo4j')");
  return client;
}
