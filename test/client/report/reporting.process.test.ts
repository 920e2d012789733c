import { describe, expect, it } from "vitest";
import type { TaskUpdateInput, UpdateTaskInput } from "../../../src/client/generated/graphql.js";
import { connect, iterative, leaf, task, type TidemarkError } from "../../../src/client/index.js";
import { startTidemark } from "../../kit/process/child-process.js";
import { freePort } from "../../kit/process/free-port.js";
import { LossyProxy, type RequestFate, type SentRequest } from "../../kit/network/lossy-proxy.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { dataOf } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { JOB, waitForJob, linesOf, jobOnServer, type ServerJob } from "../server-jobs.js";

const REMOVE = `mutation { removeTask(input: { database: "d", username: "u", jobId: "j" }) { userTask { id } } }`;
const PURGE = `mutation { purgeDatabase(database: "d") { removed } }`;

describe("Reports", () => {
  it("are merged and absolute: at most one per 250 ms while no task starts or ends", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const clock = new ManualClock();
    const job = connect({ url: proxy.url, clock, heartbeatMs: 60_000 }).job(JOB, leaf("count"));
    job.task.advance(5);
    clock.advance(20);
    await job.flush();
    const before = proxy.requests.length;

    for (let tick = 0; tick < 2_000; tick++) {
      job.task.advance();
      clock.advance(1);
      await new Promise(setImmediate);
    }
    await proxy.hasSeen(before + 2);
    const reports = proxy.requests.slice(before).map(updatesOf);

    expect(reports.length).toBeLessThanOrEqual(2_000 / 250 + 1);
    const counts = reports.map(([update]) => update!.done!);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2_005);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(reports.every(({ length }) => length === 1)).toBe(true);
  });

  it("of many jobs share one request", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const tidemark = connect({ url: proxy.url, heartbeatMs: 60_000 });
    const jobs = Array.from({ length: 50 }, (_, index) =>
      tidemark.job({ ...JOB, jobId: `job ${index}` }, leaf("count")),
    );
    for (const job of jobs) job.announce();
    await Promise.all(jobs.map((job) => job.flush()));
    const stored = proxy.requests.length;

    for (const job of jobs) job.task.advance();
    await Promise.all(jobs.map((job) => job.flush()));

    expect(proxy.requests.slice(stored).map(({ variables }) => variables.inputs?.length)).toEqual([50]);
  });

  it("cover every job when more jobs report than fit into one request", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const tidemark = connect({ url: proxy.url, heartbeatMs: 60_000 });
    const jobs = Array.from({ length: 600 }, (_, index) =>
      tidemark.job({ ...JOB, jobId: `job ${index}` }, leaf("count")),
    );
    for (const job of jobs) job.announce();
    await Promise.all(jobs.map((job) => job.flush({ timeoutMs: 120_000 })));
    const stored = proxy.requests.length;
    proxy.fateOf = () => {
      for (const job of jobs) job.task.advance();
      return "pass";
    };

    for (const job of jobs) job.task.advance();
    await proxy.hasSeen(stored + 2);

    const reported = proxy.requests
      .slice(stored)
      .flatMap(({ variables }) => variables.inputs!.map(({ jobId }) => jobId));
    expect([reported.length, new Set(reported).size]).toEqual([1_000, 600]);
  });

  it("of a tree too large for one request use several", async () => {
    await using server = await startServer();
    const leaves = Array.from({ length: 2_000 }, (_, index) => leaf(`leaf ${index}`, { volume: 1 }));
    const job = connect({ url: server.url }).job(JOB, task("large", ...leaves));
    await job.run((root) => {
      for (let index = 0; index < leaves.length; index++) {
        root.sub(index).message("x".repeat(1_000));
        root.sub(index).advance();
      }
    });
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))[0]).toBe("large FINISHED 2000/2000");
  });

  it.concurrent.each<[string, RequestFate]>([
    ["the request", "lose the request"],
    ["the answer", "lose the answer"],
  ])("arrive once when %s of each kind is lost", async (_, fate) => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const errors: TidemarkError[] = [];
    const lost = new Set<string>();
    proxy.fateOf = firstOfEachKind(fate, lost);
    const job = connect({ url: proxy.url, onError: (error) => errors.push(error) }).job(
      JOB,
      task("root", leaf("a")),
    );
    job.task.sub("a").advance(2);
    await job.flush();
    const [b] = job.task.add(leaf("b"));
    b!.advance(3);
    b!.log.info("once");
    await job.flush();
    job.task.finish();
    await job.flush();

    const shown = await jobOnServer(server.url);
    expect(linesOf(shown)).toEqual(["root FINISHED 5/5", "a FINISHED 2/2", "b FINISHED 3/3"]);
    expect([shown.attempt, shown.log.map(({ message }) => message)]).toEqual([1, ["once"]]);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["UNAVAILABLE"]));
    expect(lost.size).toBe(5); // limits, store, report, add, log
  });

  it.concurrent("are sent again when a request hangs", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = firstOfEachKind("hold", new Set());
    const job = connect({ url: proxy.url, requestTimeoutMs: 100 }).job(JOB, leaf("count"));
    job.task.advance();
    await job.flush({ timeoutMs: 60_000 }); // three kinds of requests hang, with growing pauses

    expect(linesOf(await jobOnServer(server.url))).toEqual(["count RUNNING 1/?"]);
  });

  it("carry the current token", async () => {
    let count = 0;
    const token = () => `token-${(count += 1)}`;
    const heads: (string | undefined)[] = [];
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.onHead = ({ authorization }) => heads.push(authorization);
    const job = connect({ url: proxy.url, token, heartbeatMs: 60_000 }).job(JOB, leaf("count"));
    await job.run(() => {});

    expect(heads).toEqual(["Bearer token-1", "Bearer token-2", "Bearer token-3"]); // limits, job, end
  });
});

describe("While the server is unreachable", () => {
  it("a job runs normally, calls onError once, and is reported when the server is back", async () => {
    const port = await freePort();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: `http://127.0.0.1:${port}`, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, task("Import", leaf("read")));
    const result = await job.run(async (root) => {
      await expect(job.flush({ timeoutMs: 1_000 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
      root.sub("read").advance(7);
      root.sub("read").log.error("while nobody listened");
      return "imported";
    });
    await using server = await startServer({ port });
    await job.flush({ timeoutMs: 20_000 });

    expect(result).toBe("imported");
    expect(errors.map(({ code }) => code)).toEqual(["UNAVAILABLE"]);
    const shown = await jobOnServer(server.url);
    expect(linesOf(shown)).toEqual(["Import FINISHED 7/7", "read FINISHED 7/7"]);
    expect(shown.log.map(({ message }) => message)).toEqual(["while nobody listened"]);
  });

  it("progress is kept, and continues after the server was killed and restarted", async () => {
    const port = await freePort();
    const flags = ["--port", `${port}`, "--store", `lmdb:${temporaryFolder()}`];
    const before = await startTidemark(flags);
    const job = connect({ url: before.url, intervalMs: 1 }).job(JOB, leaf("count"));
    job.task.advance(10);
    await job.flush();
    await before[Symbol.asyncDispose]();
    job.task.advance(10);
    await expect(job.flush({ timeoutMs: 100 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await using after = await startTidemark(flags);
    await job.flush({ timeoutMs: 20_000 });
    job.task.advance(1);

    const shown = await waitForJob(after.url, isAt(21));
    expect([shown.attempt, linesOf(shown)]).toEqual([1, ["count RUNNING 21/?"]]);
  });

  it("the delays between retries grow", async () => {
    const clock = new ManualClock();
    const retries: number[] = [];
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = () => {
      retries.push(clock.now());
      return "lose the request";
    };
    const job = connect({ url: proxy.url, clock }).job(JOB, leaf("count"));
    job.task.advance();
    for (let count = 1; count <= 6; count++) {
      await tryOnce(clock, proxy, count);
    }
    const delays = retries.slice(1).map((at, index) => at - retries[index]!);

    const inUnits = delays.map((delay, index) => delay / 2 ** index);
    expect(Math.min(...inUnits)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...inUnits)).toBeLessThanOrEqual(510);
  });
});

describe("A job that the server no longer has", () => {
  it("is stored again, with all progress, after the server restarted without its history", async () => {
    const port = await freePort();
    const flags = ["--port", `${port}`, "--store", "memory:"];
    const errors: TidemarkError[] = [];
    const before = await startTidemark(flags);
    const steps = iterative("iterate", { mode: "OPEN" }, leaf("step"));
    const tidemark = connect({ url: before.url, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, task("Import", leaf("read", { volume: 4 }), leaf("write"), steps));
    job.task.sub("read").set(4);
    job.task.sub("read").finish();
    job.task.sub("write").advance(7);
    job.task.sub("write").message("half way");
    job.task.sub("iterate").next().sub("step").advance(2);
    const [more] = job.task.add(leaf("more"));
    await job.flush();
    await before[Symbol.asyncDispose]();
    await using after = await startTidemark(flags);
    more!.advance(1);
    await job.flush({ timeoutMs: 20_000 });

    const shown = await jobOnServer(after.url);
    expect([shown.attempt, linesOf(shown)]).toEqual([
      1,
      [
        "Import RUNNING 14/?",
        "read FINISHED 4/4",
        "write RUNNING 7/?",
        "iterate RUNNING 2/?",
        "step RUNNING 2/?",
        "more RUNNING 1/?",
      ],
    ]);
    expect(shown.tasks.find(({ description }) => description === "write")!.message).toBe("half way");
    expect(errors.map(({ code }) => code).filter((code) => code !== "UNAVAILABLE")).toEqual([]);
  });

  it("is stored again by its next heartbeat if it has no progress", async () => {
    const port = await freePort();
    const before = await startServer({ port });
    const job = connect({ url: before.url }).job({ ...JOB, leaseSeconds: 3 }, leaf("wait"));
    job.task.advance(3);
    await job.flush();
    await before.close();
    await using after = await startServer({ port });

    expect(linesOf(await waitForJob(after.url, isAt(3)))).toEqual(["wait RUNNING 3/?"]);
  });

  it("is not stored again once another worker has stored it under the same id", async () => {
    const port = await freePort();
    const before = await startServer({ port });
    const tidemark = connect({ url: before.url, heartbeatMs: 60_000 }); // the report must be first to meet the new epoch
    const job = tidemark.job(JOB, leaf("count"));
    job.task.advance(3);
    await job.flush();
    await before.close();
    await using after = await startServer({ port });
    const others = connect({ url: after.url }).job(JOB, leaf("count"));
    others.task.advance(100);
    await others.flush();
    job.task.advance(1);
    await expect(job.flush({ timeoutMs: 20_000 })).rejects.toMatchObject({ code: "STALE_ATTEMPT" });
    job.task.finish();
    await expect(job.flush()).rejects.toMatchObject({ code: "STALE_ATTEMPT" });

    const shown = await jobOnServer(after.url);
    expect([shown.attempt, linesOf(shown)]).toEqual([1, ["count RUNNING 100/?"]]);
  });

  it("continues in a new epoch that still has it", async () => {
    const port = await freePort();
    const flags = { port, store: `lmdb:${temporaryFolder()}` };
    const before = await startServer(flags);
    const job = connect({ url: before.url }).job(JOB, leaf("count"));
    job.task.advance(3);
    await job.flush();
    await before.close();
    await using after = await startServer({ ...flags, newEpoch: true });
    job.task.advance(1);
    await job.flush({ timeoutMs: 20_000 });

    expect(linesOf(await jobOnServer(after.url))).toEqual(["count RUNNING 4/?"]);
  });

  it.each([
    ["removed", REMOVE],
    ["purged", PURGE],
  ])("is not stored again after a user %s it", async (_, mutation) => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, leaf("count"));
    job.task.advance(3);
    await job.flush();
    await dataOf(server.url, mutation);
    job.task.advance(1);

    await expect(job.flush()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(errors.map(({ code }) => code)).toEqual(["NOT_FOUND"]);
    await expect(jobOnServer(server.url)).rejects.toThrow("no job");
  });
});

function isAt(done: number): (job: ServerJob) => boolean {
  return ({ tasks }) => tasks[0]!.progress.done === done;
}

/** The kind of a request is its operation; reports with log lines are a kind of their own. */
function firstOfEachKind(fate: RequestFate, seen: Set<string>): (request: SentRequest) => RequestFate {
  return ({ query, variables }) => {
    const kind = `${query.slice(0, 30)} ${variables.inputs?.some(({ log }) => log)}`;
    if (seen.has(kind)) return "pass";
    seen.add(kind);
    return fate;
  };
}

function updatesOf({ variables }: SentRequest): TaskUpdateInput[] {
  return (variables.inputs as UpdateTaskInput[]).flatMap(({ updates }) => updates ?? []); // safe: the SDK sends this shape
}

/** Advances the clock in steps until the next request arrives. */
async function tryOnce(clock: ManualClock, proxy: LossyProxy, count: number): Promise<void> {
  while (proxy.requests.length < count) {
    if (clock.timerCount > 0) clock.advance(10);
    await new Promise(setImmediate);
  }
}
