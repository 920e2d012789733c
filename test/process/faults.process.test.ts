import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { serve, startTidemark } from "../kit/process/child-process.js";
import {
  eventsUntilVersion,
  storeRejected,
  storeLargeJob,
  purge,
  storeNewJobsUntilRefused,
  storeRepeatedly,
  storeUntilRefused,
} from "../kit/disk-faults/full-disk.js";
import { filesIn, folderWith } from "../kit/disk-faults/folder-files.js";
import {
  CAN_MOUNT,
  HAS_PROC,
  isZombie,
  kill,
  limitDescriptors,
  mountDisk,
  onFolder,
  readiness,
  startOn,
  startUnderStrace,
  startWithFilesUpTo,
  startWithoutReaper,
} from "../kit/disk-faults/server.js";
import { measureVisibility, instantsDuring } from "../kit/disk-faults/visibility.js";
import {
  CAN_TRACE,
  callsIn,
  failedRootWrites,
  lastRootWrite,
  NEEDS_STRACE,
} from "../kit/disk-faults/strace.js";
import { isConsistent, killAtEach, runBaseline } from "../kit/disk-faults/kill-sweep.js";
import { ask, HttpConnection, RawConnection } from "../kit/network/raw-http.js";
import { collected } from "../kit/collected.js";
import { compactFolder } from "../../src/journal/lmdb/operator-commands.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { store, storeTask, taskCount, update, updateTask } from "../server/jobs.js";
import { taskEventsUntil, nextEvent, Replica, queryState, taskEvents } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

/** Law 11 (changes are durable before they are visible) and law 14 (acknowledged changes survive), when the machine fails. */

describe.skipIf(!CAN_TRACE)(`a killed process ${NEEDS_STRACE}`, () => {
  it("keeps every acknowledged change, and the next one entirely or not at all, at any write or sync", async () => {
    const folder = temporaryFolder();
    const unharmed = await runBaseline(join(folder, "unharmed"));

    const outcomes = await killAtEach(unharmed, folder);

    expect(outcomes.filter((outcome) => !isConsistent(outcome))).toEqual([]);
    // Wake-ups between threads are writes too, and their number differs a little from run to run.
    expect(outcomes.filter(({ wasKilled }) => !wasKilled).length).toBeLessThanOrEqual(3);
    expect(outcomes.length).toBeGreaterThanOrEqual(50);
    const renames = unharmed.points.filter(({ call }) => call === "rename");
    expect(renames.length).toBeGreaterThan(4); // of the format file, of two new files, and of rewritten ones
  }, 180_000);
});

describe.skipIf(!CAN_TRACE)(`a disk with slow syncs ${NEEDS_STRACE}`, () => {
  it.each([
    ["entry is synced", "fdatasync"],
    ["entry is written", "pwrite64"],
  ])("delays the answer, event and query of a change until its %s", async (_, call) => {
    const folder = temporaryFolder();
    await using before = await startOn(join(folder, "data"));
    await store(before.url);
    await kill(before);
    const log = join(folder, "calls");
    const delay = ["-e", `trace=${call}`, "-e", `inject=${call}:delay_enter=500000`];
    await using slow = await startUnderStrace(join(folder, "data"), delay, log);
    using watcher = await OVER_WEBSOCKET.watch(slow.url, taskEvents());
    await taskEventsUntil(watcher, "CaughtUp");

    const seen = await measureVisibility(slow.url, watcher);
    await kill(slow);
    const syncs = callsIn(log);
    const synced = syncs.at(-1)!;

    expect(syncs.map(({ name }) => name)).toContain(call);
    expect(Math.min(seen.answer, seen.event, seen.query)).toBeGreaterThan(synced.endedAt);
    expect(instantsDuring(seen.before, synced)).not.toEqual([]);
  });
});

describe.skipIf(!CAN_TRACE)(`a disk with failing syncs ${NEEDS_STRACE}`, () => {
  it("rejects changes and hides them while everything else works, and accepts changes again after recovery", async () => {
    const folder = temporaryFolder();
    const failing = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3..8"];
    await using server = await startUnderStrace(join(folder, "data"), failing, join(folder, "calls"));
    const { url } = server;
    await store(url);
    const before = await queryState(url);
    using watcher = await OVER_WEBSOCKET.watch(url, taskEvents());
    const events = await taskEventsUntil(watcher, "CaughtUp");

    const rejected = await ask(url, updateTask({ updates: [{ done: 5, message: "refused" }] }));
    const readyThen = await readiness(url);
    const meanwhile = await queryState(url);
    using another = await OVER_WEBSOCKET.watch(url, taskEvents());
    const toldAnother = await taskEventsUntil(another, "CaughtUp");
    await expect.poll(() => readiness(url)).toBe(200);
    const taken = await update(url, { updates: [{ done: 7 }] });
    events.push(await nextEvent(watcher));
    const after = await queryState(url);
    await kill(server);
    await using restarted = await startOn(join(folder, "data"));

    expect(rejected.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE" });
    expect(readyThen).toBe(503);
    expect(meanwhile).toEqual(before);
    expect(new Replica().apply(toldAnother).jobs).toEqual(before.jobs);
    expect(taken.version).toBe(2);
    expect(new Replica().apply(events).jobs).toEqual(after.jobs);
    expect(JSON.stringify([events, after])).not.toContain("refused");
    expect(await queryState(restarted.url)).toEqual(after);
  });

  it("rejects and hides a new database, and creates it after recovery", async () => {
    const folder = temporaryFolder();
    const failing = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1..3"];
    await using server = await startUnderStrace(join(folder, "data"), failing, join(folder, "calls"));
    const { url } = server;

    const rejected = await ask(url, storeTask());
    const readyThen = await readiness(url);
    const meanwhile = await queryState(url);
    await expect.poll(() => readiness(url)).toBe(200);
    const taken = await store(url);
    const after = await queryState(url);
    await kill(server);
    await using restarted = await startOn(join(folder, "data"));

    expect(rejected.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE" });
    expect(readyThen).toBe(503);
    expect(meanwhile.jobs).toEqual([]);
    expect(taken).toMatchObject({ attempt: 1, version: 1 });
    expect(after.jobs).toHaveLength(1);
    expect(await queryState(restarted.url)).toEqual(after);
  });

  it.each(["EIO", "ENOSPC"])(
    "hides a change whose log write fails with %s, and accepts the next one",
    async (error) => {
      const folder = temporaryFolder();
      const path = join(folder, "data", "d.mdb-log");
      const failing = ["-P", path, "-e", "trace=pwrite64", "-e", `inject=pwrite64:error=${error}:when=4`];
      await using server = await startUnderStrace(join(folder, "data"), failing, join(folder, "calls"));
      const { url } = server;
      await store(url);
      await update(url, { updates: [{ done: 1 }] });
      const before = await queryState(url);

      const rejected = await ask(url, updateTask({ updates: [{ done: 5, message: "refused" }] }));
      const meanwhile = await queryState(url);
      const taken = await update(url, { updates: [{ done: 7 }] });
      const after = await queryState(url);
      await kill(server);
      await using restarted = await startOn(join(folder, "data"));

      expect(rejected.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE" });
      expect(meanwhile).toEqual(before);
      expect(taken.version).toBe(3);
      expect(JSON.stringify(after)).not.toContain("refused");
      expect(await queryState(restarted.url)).toEqual(after);
    },
  );

  it("hides a change whose root could not be written, and accepts the next one", async () => {
    const folder = temporaryFolder();
    // Too large for the log.
    const subTasks = Array.from({ length: 900 }, () => ({ description: "refused".repeat(14) }));
    const change = storeTask({ task: { description: "refused", subTasks } });
    const rehearsal = join(folder, "rehearsal.calls");
    await using unharmed = await startUnderStrace(
      join(folder, "rehearsal"),
      ["-e", "trace=pwrite64"],
      rehearsal,
    );
    await store(unharmed.url);
    await ask(unharmed.url, change);
    await kill(unharmed);
    const nth = lastRootWrite(callsIn(rehearsal));
    const failing = ["-e", "trace=pwrite64", "-e", `inject=pwrite64:error=EIO:when=${nth}`];
    const log = join(folder, "calls");
    await using server = await startUnderStrace(join(folder, "data"), failing, log);
    const { url } = server;
    await store(url);
    const before = await queryState(url);

    const rejected = await ask(url, change);
    const meanwhile = await queryState(url);
    const taken = await update(url, { updates: [{ done: 7 }] });
    const after = await queryState(url);
    await kill(server);
    await using restarted = await startOn(join(folder, "data"));

    expect(failedRootWrites(callsIn(log))).toHaveLength(1);
    expect(rejected.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE" });
    expect(meanwhile).toEqual(before);
    expect(taken.version).toBe(2);
    expect(JSON.stringify(after)).not.toContain("refused");
    expect(await queryState(restarted.url)).toEqual(after);
  });
});

const MEBIBYTE = 1024 * 1024;
const UNAVAILABLE = ["UNAVAILABLE"];

describe.skipIf(!CAN_MOUNT)("a full disk (under CI; needs root to mount one)", () => {
  it("rejects changes and hides them while everything else works, and accepts changes again when there is space", async () => {
    const disk = join(temporaryFolder(), "disk");
    mountDisk(disk, 2 * MEBIBYTE);
    await writeFile(join(disk, "filler"), Buffer.alloc(MEBIBYTE));
    await using server = await startOn(join(disk, "data"));
    const { url } = server;
    using watcher = await OVER_WEBSOCKET.watch(url, taskEvents());

    const { count, codes } = await storeUntilRefused(url);
    const full = await queryState(url);
    const readyThen = await readiness(url);
    const rejected = await storeRejected(url, 200);
    const meanwhile = await queryState(url);
    using another = await OVER_WEBSOCKET.watch(url, taskEvents());
    const toldAnother = await taskEventsUntil(another, "CaughtUp");
    await rm(join(disk, "filler"));
    await expect.poll(() => readiness(url)).toBe(200);
    const taken = await storeLargeJob(url, "kept");
    const events = await eventsUntilVersion(watcher, count + 1);
    const after = await queryState(url);
    await kill(server);
    await using restarted = await startOn(join(disk, "data"));

    expect(full.jobs.map(({ version }) => version)).toEqual([count]);
    expect([codes, rejected]).toEqual([UNAVAILABLE, UNAVAILABLE]);
    expect(readyThen).toBe(503);
    expect(meanwhile).toEqual(full);
    expect(new Replica().apply(toldAnother).jobs).toEqual(full.jobs);
    expect(taken.errors).toBeUndefined();
    expect(new Replica().apply(events).jobs).toEqual(after.jobs);
    expect(await queryState(restarted.url)).toEqual(after);
  });

  it("purges all jobs without more space, and then stores new ones", async () => {
    const disk = join(temporaryFolder(), "disk");
    mountDisk(disk, 32 * MEBIBYTE);
    await using server = await startOn(join(disk, "data"));
    const { url } = server;
    await writeFile(join(disk, "filler"), Buffer.alloc(16 * MEBIBYTE));
    const stored = await storeNewJobsUntilRefused(url);

    const purged = await purge(url);
    const again = await storeNewJobsUntilRefused(url, stored / 2);
    await kill(server);
    await using restarted = await startOn(join(disk, "data"));

    expect(stored).toBeGreaterThan(1_000);
    expect(purged).toBe(stored);
    expect(again).toBeGreaterThanOrEqual(stored / 2);
    expect(await taskCount(restarted.url)).toBe(again);
  }, 60_000);

  it.each([4, 80])(
    "purges all jobs each time that jobs of %i subtasks fill it",
    async (subTaskCount) => {
      const disk = join(temporaryFolder(), "disk");
      mountDisk(disk, 20 * MEBIBYTE);
      await using server = await startOn(join(disk, "data"));
      const { url } = server;
      const fill = async (): Promise<number> => {
        await expect.poll(() => readiness(url), { timeout: 20_000 }).toBe(200);
        return storeNewJobsUntilRefused(url, Infinity, subTaskCount);
      };
      const fillAndPurge = async (): Promise<{ readonly stored: number; readonly purged: number }> => ({
        stored: await fill(),
        purged: await purge(url),
      });

      const rounds = [await fillAndPurge(), await fillAndPurge(), await fillAndPurge()];
      const stored = await fill();
      await kill(server);
      await using restarted = await startOn(join(disk, "data"));
      const purged = await purge(restarted.url);

      expect(rounds.map(({ purged: count }) => count)).toEqual(rounds.map(({ stored: count }) => count));
      expect(Math.min(...rounds.map(({ stored: count }) => count))).toBeGreaterThan(100);
      expect(stored).toBeGreaterThan(100);
      expect(purged).toBe(stored);
      expect(await taskCount(restarted.url)).toBe(0);
    },
    60_000,
  );

  it("lets ended jobs expire, also after a purge", async () => {
    const folder = join(temporaryFolder(), "disk", "data");
    mountDisk(dirname(folder), 20 * MEBIBYTE);
    await using server = await startOn(folder);
    const { url } = server;
    await storeNewJobsUntilRefused(url);
    await purge(url);
    const ended = Array.from({ length: 200 }, (_, number) => ({ jobId: `ended-${number}` }));
    await Promise.all(ended.map((job) => store(url, job)));
    await Promise.all(ended.map((job) => update(url, { ...job, updates: [{ status: "FINISHED" }] })));
    const running = await storeNewJobsUntilRefused(url);
    await kill(server);
    await using restarted = await startTidemark([...onFolder(folder), "--retention", "1s"]);

    expect(running).toBeGreaterThan(1_000);
    await expect.poll(() => taskCount(restarted.url), { timeout: 20_000 }).toBe(running);
  }, 60_000);

  it("is named in errors, in /ready, and by compact with the space that it needs and the ways out", async () => {
    const disk = join(temporaryFolder(), "disk");
    const folder = join(disk, "data");
    mountDisk(disk, 2 * MEBIBYTE);
    await using server = await startOn(folder);
    const { url } = server;
    await storeUntilRefused(url);

    const { errors } = await storeLargeJob(url, "refused");
    const ready = await (await fetch(`${url}/ready`)).json();
    await kill(server);
    const compactions = await collected(compactFolder(folder));

    expect(errors).toMatchObject([
      { message: expect.stringContaining("The change could not be written: the disk is full.") },
    ]);
    const file = join(folder, "d.mdb");
    const problem = `changes of database "d" cannot be written to ${file}: the disk is full (ENOSPC)`;
    expect(ready).toEqual({ status: "not writable", problems: [problem] });
    expect(compactions).toMatchObject([
      { failure: expect.stringMatching(/d\.mdb: that needs about .*purge/) },
    ]);
  });

  it("rejects any number of new databases without harm to existing ones", async () => {
    const disk = join(temporaryFolder(), "disk");
    mountDisk(disk, 2 * MEBIBYTE);
    await using server = await startOn(join(disk, "data"));
    const { url } = server;
    const { count } = await storeUntilRefused(url);
    const before = await queryState(url);

    const rejected = await storeRejected(url, 50, (number) => `new${number}`);
    const after = await queryState(url);
    await kill(server);
    await using restarted = await startOn(join(disk, "data"));

    expect(rejected).toEqual(UNAVAILABLE);
    expect(after).toEqual(before);
    expect(await queryState(restarted.url)).toEqual(before);
    expect(count).toBeGreaterThan(0);
  });
});

describe("a limit on file size", () => {
  it("rejects changes and hides them while everything else works, and keeps acknowledged changes after a restart", async () => {
    const folder = join(temporaryFolder(), "data");
    await using server = await startWithFilesUpTo(MEBIBYTE, folder);
    const { url } = server;
    using watcher = await OVER_WEBSOCKET.watch(url, taskEvents());

    const { count, codes } = await storeUntilRefused(url);
    const full = await queryState(url);
    const readyThen = await readiness(url);
    const rejected = await storeRejected(url, 200);
    const meanwhile = await queryState(url);
    const events = await eventsUntilVersion(watcher, count);
    await kill(server);
    await using restarted = await startOn(folder);
    const again = await queryState(restarted.url);
    const taken = await storeLargeJob(restarted.url, "kept");

    expect([codes, rejected]).toEqual([UNAVAILABLE, UNAVAILABLE]);
    expect(readyThen).toBe(503);
    expect(meanwhile).toEqual(full);
    expect(new Replica().apply(events).jobs).toEqual(full.jobs);
    expect(again).toEqual(full);
    expect(taken.errors).toBeUndefined();
  });
});

describe("a process without free file descriptors", () => {
  it("accepts or rejects changes of new databases, keeps running, and accepts changes again", async () => {
    const folder = join(temporaryFolder(), "data");
    await using server = await startOn(folder);
    limitDescriptors(server, 200);
    const { url } = server;
    await store(url);
    using connection = new HttpConnection(url);
    await connection.get({ query: "{ __typename }" });
    const others = await Promise.all(Array.from({ length: 120 }, () => RawConnection.open(url)));
    const opened: RawConnection[] = [];
    const codes = [
      ...(await storeRepeatedly(connection, 40, async () => opened.push(await RawConnection.open(url)))),
      ...(await storeRepeatedly(connection, 12, () => others.pop()![Symbol.dispose]())),
    ];
    for (const other of [...others, ...opened]) other[Symbol.dispose]();
    await expect.poll(() => readiness(url), { timeout: 60_000 }).toBe(200);
    const { body } = await connection.post(updateTask({ updates: [{ done: 1 }] })); // new ones may find no file
    await kill(server);
    await using restarted = await startOn(folder);

    expect(codes).toContain("UNAVAILABLE");
    expect([undefined, "UNAVAILABLE"]).toEqual(expect.arrayContaining(codes));
    expect(body).toContain(`"version":2`);
    expect((await queryState(restarted.url)).jobs).toHaveLength(1);
  });
});

describe("a folder in use", () => {
  it("is refused to a second server, which names folder and owner, while the first continues", async () => {
    const folder = join(temporaryFolder(), "data");
    await using first = await startOn(folder);
    await store(first.url);
    await using second = serve(onFolder(folder));

    const exit = await second.exited;

    expect(exit).toEqual({ code: 1, signal: null });
    expect(second.out).toEqual([]);
    expect(second.err).toEqual([
      expect.stringMatching(`^tidemark: .*${folder} is in use by process ${first.program.pid}\\b`),
    ]);
    expect(await readFile(join(folder, "owner"), "utf8")).toBe(`${first.program.pid}\n`);
    expect((await update(first.url, { updates: [{ done: 1 }] })).version).toBe(2);
  });

  it("is free after its server was killed", async () => {
    const folder = join(temporaryFolder(), "data");
    await using first = await startOn(folder);
    await store(first.url);
    const before = await queryState(first.url);
    await kill(first);

    await using second = await startOn(folder);

    expect(await queryState(second.url)).toEqual(before);
    expect((await update(second.url, { updates: [{ done: 1 }] })).version).toBe(2);
  });

  it.skipIf(!HAS_PROC)("is free after its server was killed but not reaped (needs /proc)", async () => {
    const folder = join(temporaryFolder(), "data");
    await using first = await startWithoutReaper(folder);
    await store(first.url);
    const before = await queryState(first.url);
    process.kill(first.pid, "SIGKILL");
    await expect.poll(() => isZombie(first.pid)).toBe(true);

    await using second = await startOn(folder);

    expect(isZombie(first.pid)).toBe(true);
    expect(await queryState(second.url)).toEqual(before);
  });
});

describe("a foreign folder", () => {
  it.each([
    [
      "of a newer format",
      { "tidemark.json": `{"product":"tidemark","format":3}`, "d.mdb": "x" },
      /has format 3/,
    ],
    [
      "of another product",
      { "tidemark.json": `{"product":"other","format":1}` },
      /not a Tidemark data folder/,
    ],
    [
      "with other files",
      { "notes.txt": "mine", "d.mdb.new": "mine" },
      /not a Tidemark data folder.*(notes\.txt|d\.mdb\.new)/,
    ],
  ])("%s is rejected and not changed", async (_, files, message) => {
    const folder = folderWith(join(temporaryFolder(), "data"), files);
    const before = filesIn(folder);
    await using program = serve(onFolder(folder));

    const exit = await program.exited;

    expect(exit).toEqual({ code: 1, signal: null });
    expect(program.err).toEqual([expect.stringMatching(message)]);
    expect(program.err[0]).toContain(folder);
    expect(filesIn(folder)).toEqual(before);
  });
});
