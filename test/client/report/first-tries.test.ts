import { describe, expect, it } from "vitest";
import { connect, iterative, leaf, task, type Connection, type TaskSpec } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer, linesOf } from "../server-jobs.js";

// What people write before they have read the documentation.

describe("A fraction of progress", () => {
  it.each<[string, TaskSpec, string[]]>([
    ["counts on a leaf without a volume as units of 1,000", leaf("Import"), ["Import RUNNING 290/1000"]],
    ["counts on the volume of a leaf", leaf("Import", { volume: 200 }), ["Import RUNNING 58/200"]],
    [
      "adds a leaf to a task without any",
      task("Import"),
      ["Import RUNNING 290/1000", "Import RUNNING 290/1000"],
    ],
    [
      "counts on the only leaf of a task",
      task("Import", task("files", leaf("read", { volume: 100 }))),
      ["Import RUNNING 29/100", "files RUNNING 29/100", "read RUNNING 29/100"],
    ],
  ])("%s", async (_, tree, lines) => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, tree);

    job.progress(0.29);
    job.progress(0.1);
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))).toEqual(lines);
  });

  it("is exact for the volume", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import", { volume: 100 }));

    job.progress(0.57);
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))).toEqual(["Import RUNNING 57/100"]);
  });

  it("is refused by a task with several leaves, which have to be named", () => {
    const job = unconnected().job({}, task("Import", leaf("read"), leaf("write")));

    expect(() => job.progress(0.5)).toThrow(
      'Task "Import" has more than one leaf. Name one: job.sub("read").progress(0.4).',
    );
    expect(() => job.track([1])).toThrow('Name one: job.track(items, "read").');
  });

  it("is refused by an iterative task, whose iterations have the leaf", () => {
    const rank = iterative("rank", { mode: "OPEN" }, task("step", leaf("a")), leaf("b"));
    const job = unconnected().job({}, task("Import", rank));

    expect(() => job.sub("rank").progress(0.5)).toThrow('Name one: iteration.sub("b").progress(0.4).');
  });

  it("rejects work that is not a function, and does not start the job", async () => {
    const job = unconnected().job({}, leaf("Import"));

    await expect(job.run(undefined as never)).rejects.toThrow(
      "Invalid work undefined of run(): expected a function.",
    );
    await expect(job.run(() => "done")).resolves.toBe("done");
  });
});

describe("A job", () => {
  it("is the root of its tree, and counts, writes and ends without a function around its work", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import", { volume: 5 }));

    job.begin();
    job.advance(2);
    job.message("people.csv");
    job.set(5);
    job.finish();
    await job.flush();

    const { tasks } = await jobOnServer(server.url);
    expect(tasks).toMatchObject([{ status: "FINISHED", message: "people.csv", progress: { done: 5 } }]);
  });

  it("runs a task of its tree by name", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Import", leaf("read")));

    const result = await job.run("read", (read) => {
      read.advance(3);
      return "rows";
    });
    job.finish();
    await job.flush();

    expect([result, linesOf(await jobOnServer(server.url))[1]]).toEqual(["rows", "read FINISHED 3/3"]);
  });

  it("counts a loop without a name", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Import"));

    const seen: string[] = [];
    await job.run(async () => {
      for await (const item of job.track(["a", "b"])) seen.push(item);
    });

    expect(seen).toEqual(["a", "b"]);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["Import FINISHED 2/2", "Import FINISHED 2/2"]);
  });

  it("writes to its log as a console does", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));

    job.log("42 rows", { file: "people.csv" });
    job.log.warn("Row", 17, undefined);
    job.log.error(new RangeError("too long"));
    await job.flush();

    const { log } = await jobOnServer(server.url);
    expect(log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'INFO 42 rows {"file":"people.csv"}',
      "WARNING Row 17 undefined",
      "ERROR RangeError: too long",
    ]);
  });
});

describe("The address of a job", () => {
  it("names the owner once it is known, and the database and the id from the start", async () => {
    await using server = await startServer();
    const tidemark = connect({ url: `${server.url}/`, database: "d" });
    const job = tidemark.job({ jobId: "j 1" }, leaf("Import"));
    const owned = tidemark.job({ jobId: "j 2", username: "u" }, leaf("Import"));

    const before = job.url;
    await job.run(() => {});

    expect(before).toBe(`${server.url}/?database=d&job=j+1`);
    expect(job.url).toBe(`${server.url}/?database=d&owner=anonymous&job=j+1`);
    expect(owned.url).toBe(`${server.url}/?database=d&owner=u&job=j+2`);
  });

  it("is the one at which people open the dashboard, once the server has named it", async () => {
    await using server = await startServer({ publicUrl: "https://progress.example.com/jobs" });
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));

    await job.run(() => {});

    expect(job.url).toBe("https://progress.example.com/jobs/?database=d&owner=u&job=j");
  });
});

describe("A value that means nothing", () => {
  const ODD: readonly unknown[] = [Number.NaN, -1, "5", 5n, null, {}, Symbol("s")];

  it("is ignored by a tick, does not throw, and is passed to onError once", async () => {
    await using server = await startServer();
    const errors: (readonly [string, string | undefined])[] = [];
    const tidemark = connect({
      url: server.url,
      onError: ({ code, message }, job) => errors.push([`${code} ${message}`, job?.jobId]),
    });
    const job = tidemark.job(JOB, leaf("Import", { volume: 9 }));

    job.advance(2);
    for (const odd of ODD as number[]) {
      job.advance(odd);
      job.set(odd);
      job.volume(odd);
      job.progress(odd);
    }
    job.progress(1.5);
    job.advance();
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))).toEqual(["Import RUNNING 3/9"]);
    expect(errors).toEqual([
      ['BAD_USER_INPUT Ignored advance(NaN) of task "Import": expected a number from 0.', JOB.jobId],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ["a volume", () => leaf("read", { volume: Number.NaN }), 'Invalid volume NaN of leaf("read")'],
    ["a negative volume", () => leaf("read", { volume: -1 }), "expected a number from 0"],
    ["a text as volume", () => leaf("read", { volume: "5" as never }), 'Invalid volume "5"'],
    ["a BigInt as volume", () => leaf("read", { volume: 5n as never }), "Invalid volume 5"],
    ["options that are a number", () => leaf("read", 500 as never), 'Unknown option "500" of leaf("read")'],
    [
      "a misspelled option",
      () => leaf("read", { volum: 5 } as never),
      'Unknown option "volum" of leaf("read")',
    ],
    ["a concurrency", () => leaf("read", { maxConcurrency: 0 }), "Invalid maxConcurrency 0"],
    ["no max", () => iterative("it", { mode: "FIXED" } as never, leaf("s")), "Invalid max undefined"],
    ["a max", () => iterative("it", { mode: "DYNAMIC", max: 1.5 }, leaf("s")), "Invalid max 1.5"],
    ["a max of OPEN", () => iterative("it", { mode: "OPEN", max: 3 } as never, leaf("s")), "none with OPEN"],
    ["a name as subtask", () => task("Import", "read" as never), 'Invalid task "read"'],
    ["no description", () => leaf(undefined as never), "Invalid description undefined: expected a text"],
    ["options as the description", () => leaf({ volume: 5 } as never), 'Invalid description {"volume":5}'],
    ["a list", () => task("x", [leaf("a")] as never), 'Spread the array: task("…", ...tasks).'],
    [
      "a misspelled mode",
      () => iterative("it", { mode: "fixed" } as never, leaf("s")),
      'Invalid mode "fixed"',
    ],
    ["a job without a tree", () => unconnected().job({}, undefined as never), "Invalid task undefined"],
    [
      "an added name",
      () =>
        unconnected()
          .job({}, task("Import"))
          .add("read" as never),
      'Invalid task "read"',
    ],
  ])("is a TypeError in a declaration: %s", (_, declare, message) => {
    expect(declare).toThrow(TypeError);
    expect(declare).toThrow(message);
  });
});

/** No test waits for its server. */
function unconnected(): Connection {
  return connect({ url: "http://localhost:1", onError: () => {} });
}
