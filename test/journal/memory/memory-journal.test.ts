import { describe, expect, it } from "vitest";
import { JournalError } from "../../../src/journal/journal.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { AssertionError } from "../../../src/util/assert.js";
import { journalSuite } from "../../conformance/journal-suite.js";
import { delayJournal } from "../../kit/journal/delayed-journal.js";
import { createFaultyJournal } from "../../kit/journal/faulty-journal.js";
import {
  databaseName,
  jobKey,
  loadAll,
  removing,
  storing,
  updating,
  updatingOften,
  recordsAfter,
} from "../../kit/journal/entries.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10 };
const DB = databaseName("neo4j");
const JOB = jobKey("alice", "job");

journalSuite("the memory journal", async (options) => createMemoryJournal(options));

journalSuite("the memory journal with delays", async (options) =>
  delayJournal(createMemoryJournal(options), seededRandom(20_240_229)),
);

journalSuite("the faulty journal without planned failures", async (options) =>
  createFaultyJournal(createMemoryJournal(options)),
);

describe("the memory journal", () => {
  it("begins a new epoch in each instance, even for the same name", async () => {
    const [one, another] = [createMemoryJournal(OPTIONS), createMemoryJournal(OPTIONS)];
    const first = await loadAll(await one.open(DB));
    const second = await loadAll(await another.open(DB));
    expect(second.epoch).not.toBe(first.epoch);
  });

  it("drops a database that was only read with its last handle", async () => {
    const journal = createMemoryJournal(OPTIONS);
    const [one, another] = [await journal.open(DB), await journal.open(DB)];
    const { epoch } = await loadAll(one);
    await one.close();
    expect(await loadAll(another)).toMatchObject({ epoch });
    await another.close();
    const { epoch: laterEpoch } = await loadAll(await journal.open(DB));
    expect(laterEpoch).not.toBe(epoch);
  });

  it("keeps a written database and its epoch without handles", async () => {
    const journal = createMemoryJournal(OPTIONS);
    const handle = await journal.open(DB);
    const { epoch } = await loadAll(handle);
    await handle.append([storing(JOB)]);
    await handle.close();
    expect(await loadAll(await journal.open(DB))).toMatchObject({ epoch, revision: 1 });
  });

  it("finds and follows exactly the newest 1,000 entries", async () => {
    const handle = await createMemoryJournal(OPTIONS).open(DB);
    const [first, second, ...others] = [storing(JOB), ...updatingOften(JOB, 1, 1_000)];
    await handle.append([first!, second!, ...others]);
    expect(await handle.find(first!.commitId)).toBeUndefined();
    expect(await handle.find(second!.commitId)).toBe(2);
    const { signal } = new AbortController();
    await expect(recordsAfter(handle, 0, signal).next()).rejects.toThrow(JournalError);
    expect(await recordsAfter(handle, 1, signal).next()).toMatchObject({ value: { revision: 2 } });
  });

  it("fails an assertion on an update or removal of an unknown job, and writes nothing", async () => {
    const handle = await createMemoryJournal(OPTIONS).open(DB);
    await expect(handle.append([storing(jobKey("bob", "job")), updating(JOB, 0)])).rejects.toThrow(
      AssertionError,
    );
    await expect(handle.append([removing(JOB, 0)])).rejects.toThrow(AssertionError);
    const afterRemoval = [storing(JOB), removing(JOB, 1), updating(JOB, 2)];
    await expect(handle.append(afterRemoval)).rejects.toThrow(AssertionError);
    expect(await handle.head()).toMatchObject({ revision: 0 });
  });
});

describe("the faulty journal", () => {
  it("fails one opening per planned failure", async () => {
    const journal = createFaultyJournal(createMemoryJournal(OPTIONS));
    journal.failNextOpen();
    journal.failNextOpen();
    await expect(journal.open(DB)).rejects.toThrow(JournalError);
    await expect(journal.open(DB)).rejects.toThrow(JournalError);
    expect(await (await journal.open(DB)).head()).toMatchObject({ revision: 0 });
  });

  it("can fail an append before anything is written", async () => {
    const journal = createFaultyJournal(createMemoryJournal(OPTIONS));
    const handle = await journal.open(DB);
    journal.failNextAppend("before writing");
    await expect(handle.append([storing(JOB)])).rejects.toMatchObject({ outcome: "nothing written" });
    expect(await handle.head()).toMatchObject({ revision: 0 });
    expect(await handle.append([storing(JOB)])).toMatchObject({ kind: "appended" });
  });

  it("can fail an append after writing: the outcome is unknown, and the entry is found", async () => {
    const journal = createFaultyJournal(createMemoryJournal(OPTIONS));
    const handle = await journal.open(DB);
    const entry = storing(JOB);
    journal.failNextAppend("after writing");
    await expect(handle.append([entry])).rejects.toMatchObject({ outcome: "unknown" });
    expect(await handle.find(entry.commitId)).toBe(1);
  });
});
