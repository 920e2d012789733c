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
  it("are merged, and absolute: at most one in 250 ms while nothing begins or ends", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const clock = new ManualClock();
    const job = connect({ url: proxy.url, clock, heartbeatMs: 60_000 }).job(JOB, leaf("count"));
    job.task.advance(5);
    clock.advance(20);
    await job.flush();
    const began = proxy.requests.length;

    for (let tick = 0; tick < 2_000; tick++) {
      job.task.advance();
      clock.advance(1);
      await new Promise(setImmediate);
    }
    await proxy.hasSeen(began + 2);
    const reports = proxy.requests.slice(began).map(updatesOf);

    expect(reports.length).toBeLessThanOrEqual(2_000 / 250 + 1);
    const counts = reports.map(([update]) => update!.done!);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2_005);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(reports.every(({ length }) => length === 1)).toBe(true);
  });

  it("of many jobs go in one request", async () => {
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

  it("of more jobs than fit into one request leave none out, however much the others say", async () => {
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

    const heard = proxy.requests
      .slice(stored)
      .flatMap(({ variables }) => variables.inputs!.map(({ jobId }) => jobId));
    expect([heard.length, new Set(heard).size]).toEqual([1_000, 600]);
  });

  it("of a tree too large for one request go in several", async () => {
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

  it.each<[string, RequestFate]>([
    ["the request", "lose the request"],
    ["the answer", "lose the answer"],
  ])("arrive once, where %s of each kind is lost", async (_, fate) => {
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
    expect(lost.size).toBe(4);
  });

  it("that hang are asked again", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = firstOfEachKind("hold", new Set());
    const job = connect({ url: proxy.url, requestTimeoutMs: 100 }).job(JOB, leaf("count"));
    job.task.advance();
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))).toEqual(["count RUNNING 1/?"]);
  });

  it("prove who is asking, with the token as it is then", async () => {
    let count = 0;
    const token = () => `token ${(count += 1)}`;
    const heads: (string | undefined)[] = [];
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.onHead = ({ authorization }) => heads.push(authorization);
    const job = connect({ url: proxy.url, token, heartbeatMs: 60_000 }).job(JOB, leaf("count"));
    await job.run(() => {});

    expect(heads).toEqual(["Bearer token 1", "Bearer token 2"]);
  });
});

describe("While the server is away", () => {
  it("a job runs as if it were not, is told of it once, and is reported when it is back", async () => {
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

  it("what is counted goes on from there when it was killed and started again", async () => {
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

  it("pauses between the tries grow", async () => {
    const clock = new ManualClock();
    const tries: number[] = [];
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = () => {
      tries.push(clock.now());
      return "lose the request";
    };
    const job = connect({ url: proxy.url, clock }).job(JOB, leaf("count"));
    job.task.advance();
    for (let count = 1; count <= 6; count++) {
      await tryOnce(clock, proxy, count);
    }
    const pauses = tries.slice(1).map((at, index) => at - tries[index]!);

    const inUnits = pauses.map((pause, index) => pause / 2 ** index);
    expect(Math.min(...inUnits)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...inUnits)).toBeLessThanOrEqual(510);
  });
});

describe("A job that the server does not have any more", () => {
  it("is stored again, with all that was reported, by a server that was started anew and has forgotten it", async () => {
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

  it("is stored again when it is quiet, by its next heartbeat", async () => {
    const port = await freePort();
    const before = await startServer({ port });
    const job = connect({ url: before.url }).job({ ...JOB, leaseSeconds: 3 }, leaf("wait"));
    job.task.advance(3);
    await job.flush();
    await before.close();
    await using after = await startServer({ port });

    expect(linesOf(await waitForJob(after.url, isAt(3)))).toEqual(["wait RUNNING 3/?"]);
  });

  it("is left to whom it was stored by meanwhile, under the same id, once that is told", async () => {
    const port = await freePort();
    const before = await startServer({ port });
    const tidemark = connect({ url: before.url });
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

  it("is still the worker's own in another history that has it", async () => {
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
  ])("stays away where somebody has %s it", async (_, mutation) => {
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

/** Kinds are the operations, and a report with log lines apart. */
function firstOfEachKind(fate: RequestFate, seen: Set<string>): (request: SentRequest) => RequestFate {
  return ({ query, variables }) => {
    const kind = `${query.slice(0, 30)} ${variables.inputs?.some(({ log }) => log)}`;
    if (seen.has(kind)) return "pass";
    seen.add(kind);
    return fate;
  };
}

function updatesOf({ variables }: SentRequest): TaskUpdateInput[] {
  return (variables.inputs as UpdateTaskInput[]).flatMap(({ updates }) => updates ?? []); // so the SDK reports
}

/** Moves time on, step by step, until the next request has arrived. */
async function tryOnce(clock: ManualClock, proxy: LossyProxy, count: number): Promise<void> {
  while (proxy.requests.length < count) {
    if (clock.timerCount > 0) clock.advance(10);
    await new Promise(setImmediate);
  }
}
