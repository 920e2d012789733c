import { describe, expect, it } from "vitest";
import {
  connect,
  iterative,
  JobCanceled,
  leaf,
  task,
  type TidemarkError,
} from "../../../src/client/index.js";
import { ask, dataOf } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";
import { requestCancel, store } from "../../server/jobs.js";
import { JOB, waitForJob, linesOf, jobOnServer } from "../server-jobs.js";

const IMPORT = task("Import", leaf("read", { volume: 10 }), leaf("write", { volume: 5 }), leaf("index"));

describe("A running job", () => {
  it("starts and ends its tasks by scope, and returns the result of its work", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, IMPORT);

    const result = await job.run(async (root) => {
      await root.run("read", (read) => {
        for (let row = 0; row < 10; row++) read.advance();
      });
      await root.run("write", (write) => write.set(4));
      return "imported";
    });

    expect(result).toBe("imported");
    expect(linesOf(await jobOnServer(server.url))).toEqual([
      "Import FINISHED 15/15",
      "read FINISHED 10/10",
      "write FINISHED 5/5",
      "index CANCELED 0/?",
    ]);
  });

  it("fails with the error's message when its work throws, and so do its running tasks", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, IMPORT);
    const failing = job.run((root) =>
      root.run("read", (read) => {
        read.advance(3);
        throw new RangeError("row 4 is longer than a row can be");
      }),
    );

    await expect(failing).rejects.toThrow(RangeError);
    const { tasks } = await jobOnServer(server.url);
    expect(tasks.map(({ status, message, progress }) => [status, message, progress.done])).toEqual([
      ["FAILED", "row 4 is longer than a row can be", 3],
      ["FAILED", "row 4 is longer than a row can be", 3],
      ["PENDING", null, 0],
      ["PENDING", null, 0],
    ]);
  });

  it("receives a cancel request without progress, with its user and reason", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("wait"));
    const running = job.run(async ({ signal }) => {
      await job.flush();
      await ask(server.url, requestCancel({ ...JOB, reason: "wrong parameters" }));
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    });

    await expect(running).rejects.toThrow(JobCanceled);
    expect(job.signal.reason).toMatchObject({ by: "anonymous", reason: "wrong parameters" });
    expect((await jobOnServer(server.url)).tasks).toMatchObject([
      { status: "CANCELED", message: "Canceled at the request of anonymous: wrong parameters" },
    ]);
  });

  it("finishes when its work ignores the cancellation", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("stubborn"));
    await job.run(() => job.cancel("enough"));

    expect(job.signal.aborted).toBe(true);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["stubborn FINISHED 0/0"]);
  });

  it("adds subtasks to existing and new tasks", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Crawl"));
    await job.run(async (root) => {
      root.add(leaf("robots.txt", { volume: 1 }));
      await job.flush();
      const [pages] = root.add(task("pages", leaf("index.html")));
      await job.flush();
      const [about] = pages!.add(leaf("about.html"));
      about!.advance(2);
      about!.log.warning("no title");
    });

    const shown = await jobOnServer(server.url);
    expect(linesOf(shown)).toEqual([
      "Crawl FINISHED 2/2",
      "robots.txt CANCELED 0/1",
      "pages FINISHED 2/2",
      "index.html CANCELED 0/?",
      "about.html FINISHED 2/2",
    ]);
    expect(shown.log).toEqual([{ level: "WARNING", path: "1.1", message: "no title" }]);
  });

  it("cancels the iterations that it does not need", async () => {
    await using server = await startServer();
    const steps = iterative("iterate", { mode: "DYNAMIC", max: 3 }, leaf("step", { volume: 2 }));
    const job = connect({ url: server.url }).job(JOB, task("PageRank", steps));
    await job.run(async (root) => {
      const iterate = root.sub("iterate");
      await iterate.next().run("step", (step) => step.message("round 1"));
      await iterate.next().run("step", (step) => step.message("round 2"));
    });

    const { tasks } = await jobOnServer(server.url);
    expect(tasks.map(({ path, status, message }) => [path, status, message])).toEqual([
      ["", "FINISHED", null],
      ["0", "FINISHED", null],
      ["0.0", "FINISHED", "round 1"],
      ["0.1", "FINISHED", "round 2"],
      ["0.2", "CANCELED", null],
    ]);
  });

  it("runs the declared number of iterations in a loop", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(
      JOB,
      iterative("iterate", { mode: "FIXED", max: 3 }, leaf("step")),
    );
    const numbers = await job.run((iterate) => {
      const iterations = [...iterate.iterations()];
      iterations.at(-1)!.sub("step").advance(4);
      return iterations.map(({ number }) => number);
    });

    expect(numbers).toEqual([1, 2, 3]);
    expect(linesOf(await jobOnServer(server.url))).toEqual([
      "iterate FINISHED 4/4",
      "step CANCELED 0/?",
      "step CANCELED 0/?",
      "step FINISHED 4/4",
    ]);
  });

  it("stops reporting once another worker has stored it, and calls onError once", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, intervalMs: 1, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, leaf("mine"));
    await job.run(async (mine) => {
      await job.flush();
      await store(server.url, { ...JOB, task: { description: "theirs" } });
      mine.advance();
      await expect(job.flush()).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
      mine.advance();
      await expect(job.flush()).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
    });

    expect(errors.map(({ code }) => code)).toEqual(["STALE_ATTEMPT"]);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["theirs PENDING 0/?"]);
  });

  it("runs to its end when the server rejects it, and passes the reason to onError", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });

    expect(await tidemark.job({ database: "" }, leaf("work")).run(() => "done")).toBe("done");
    expect(errors.map(({ code }) => code)).toEqual(["BAD_USER_INPUT"]);
  });

  it("loses only the rejected update", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, task("two", leaf("left"), leaf("right")));
    job.task.begin();
    await job.flush();
    await dataOf(
      server.url,
      `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }`,
      { input: { ...JOB, updates: [{ path: "0", status: "FINISHED" }] } },
    );
    job.task.sub("left").advance(3);
    job.task.sub("right").advance(4);
    await job.flush();

    expect(errors.map(({ code }) => code)).toEqual(["ILLEGAL_TRANSITION"]);
    expect(linesOf(await jobOnServer(server.url))).toEqual([
      "two RUNNING 4/?",
      "left FINISHED 0/0",
      "right RUNNING 4/?",
    ]);
  });

  it("sends heartbeats without progress", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url, heartbeatMs: 100 }).job({ ...JOB, leaseSeconds: 1 }, leaf("wait"));
    await job.run(async () => {
      await job.flush();
      const { reportedAt } = await jobOnServer(server.url);
      const later = await waitForJob(server.url, (shown) => shown.reportedAt !== reportedAt);
      expect(linesOf(later)).toEqual(["wait RUNNING 0/?"]);
    });
  });

  it("shortens its texts with an ellipsis to the server's limits, and rounds its numbers", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf(`${"ä".repeat(200)}\u0007`));
    await job.run((work) => {
      work.message("€".repeat(3_000));
      work.advance(2.9);
      work.advance(Number.NaN);
      work.advance(-1);
      work.volume(Number.NaN);
    });

    const [shown] = (await jobOnServer(server.url)).tasks;
    expect(shown).toMatchObject({
      description: `${"ä".repeat(126)}…`,
      message: `${"€".repeat(1_364)}…`,
      progress: { done: 2 },
    });
  });
});

describe("A job that adds tasks all the time", () => {
  it("delays neither its own reports nor those of other jobs", async () => {
    await using server = await startServer();
    const tidemark = connect(server.url);
    const growing = tidemark.job(JOB, task("Crawl", leaf("seed"), task("pages", leaf("index.html"))));
    const other = tidemark.job({ ...JOB, jobId: "other" }, leaf("wait"));
    growing.task.sub("seed").advance(3);
    other.task.begin();
    await growing.flush();
    const stop = new AbortController();
    const adding = (async () => {
      while (!stop.signal.aborted) {
        growing.task.sub("pages").add(leaf("page"));
        await new Promise(setImmediate);
      }
    })();

    growing.task.sub("seed").advance(4);
    other.task.advance(5);
    await waitForJob(server.url, (shown) => linesOf(shown).includes("seed RUNNING 7/?"));
    await waitForJob(server.url, (shown) => linesOf(shown).includes("wait RUNNING 5/?"), "other");
    stop.abort();
    await adding;
    growing.task.finish();
    await growing.flush();

    expect((await jobOnServer(server.url)).tasks.at(-1)).toMatchObject({ description: "page" });
    expect(linesOf(await jobOnServer(server.url))[0]).toBe("Crawl FINISHED 7/7");
  });
});

describe("The SDK throws a TypeError", () => {
  const job = connect({ url: "http://localhost:1" }).job(JOB, IMPORT);

  it.each([
    ["progress on a task that is not a leaf", () => job.task.advance(), "is not a leaf"],
    ["an unknown subtask", () => job.task.sub("raed"), 'has no subtask "raed"'],
    ["an unknown index", () => job.task.sub(3), "has no subtask at index 3"],
    ["adding to a leaf", () => job.task.sub("read").add(leaf("x")), "can't have subtasks"],
    ["iterations of a task without any", () => job.task.next(), "has no iterations"],
    ["an empty task within a tree", () => task("root", task("empty")), "has no subtasks"],
    ["empty iterations", () => iterative("empty", { mode: "OPEN" }), "has no subtasks"],
    ["an invalid address", () => connect({ url: "localhost:4000" }), "Invalid server address"],
  ])("for %s", (_, misuse, message) => {
    expect(misuse).toThrow(TypeError);
    expect(misuse).toThrow(message);
  });
});
