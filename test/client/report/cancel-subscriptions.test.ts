import { describe, expect, it } from "vitest";
import { connect, leaf, type Job } from "../../../src/client/index.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { ask, metricReaches, readMetric } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { requestCancel, store } from "../../server/jobs.js";
import { JOB, waitForJob } from "../server-jobs.js";

// The worker's clock stands still until moved, so whatever arrives then was pushed by the server.

const POLL_MS = 600;
const HEARTBEAT_MS = 20_000;
const SUBSCRIBERS = "tidemark_subscribers";

describe("A job without progress", () => {
  it("receives a cancel request by push, with its user and reason", async () => {
    await using server = await startServer();
    const { jobs } = await startSubscribedJobs(server.url);
    await ask(server.url, requestCancel({ ...JOB, jobId: "0", reason: "wrong parameters" }));

    expect(await reasonOf(jobs[0]!)).toMatchObject({ by: "anonymous", reason: "wrong parameters" });
  });

  it("does not poll while subscribed, and renews its lease every third of it", async () => {
    await using server = await startServer();
    const { clock, requestCount } = await startSubscribedJobs(server.url);
    const before = requestCount();
    await pass(clock, HEARTBEAT_MS - 3 * POLL_MS);
    const idle = requestCount();
    await pass(clock, 3 * POLL_MS);

    expect([idle - before, requestCount() - before]).toEqual([0, 1]);
  });

  it("shares one subscription with a thousand others", async () => {
    await using server = await startServer();
    const { clock, jobs } = await startSubscribedJobs(server.url, 1_000);
    await ask(server.url, requestCancel({ ...JOB, jobId: "999" }));
    await passUntil(clock, reasonOf(jobs[999]!)); // the last jobs may still have to subscribe

    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(1);
    expect(jobs.filter(({ signal }) => signal.aborted)).toHaveLength(1);
  });

  it("receives a cancel request that was made while it was disconnected", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    const { clock, jobs } = await startSubscribedJobs(network.url, 1, server.url);
    network.shut();
    await metricReaches(server.url, SUBSCRIBERS, 0);
    await ask(server.url, requestCancel({ ...JOB, jobId: "0" }));
    network.reopen();
    const reopenedAt = clock.now();
    await passUntil(clock, reasonOf(jobs[0]!));

    expect(clock.now() - reopenedAt).toBeLessThan(1_000);
  });

  it("polls, and receives a cancel request within a second, when the network blocks WebSockets", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url, { refusesWebSockets: true });
    const { clock, jobs } = await startJobs(network.url);
    await pass(clock, 10 * POLL_MS);
    await ask(server.url, requestCancel({ ...JOB, jobId: "0" }));
    const requestedAt = clock.now();
    await passUntil(clock, reasonOf(jobs[0]!));

    expect(clock.now() - requestedAt).toBeLessThan(1_000);
  });

  it("ignores a cancel request for another attempt", async () => {
    await using server = await startServer();
    const { jobs } = await startSubscribedJobs(server.url, 2);
    await store(server.url, { ...JOB, jobId: "0" });
    await ask(server.url, requestCancel({ ...JOB, jobId: "0" }));
    await ask(server.url, requestCancel({ ...JOB, jobId: "1" }));
    await reasonOf(jobs[1]!);

    expect(jobs[0]!.signal.aborted).toBe(false);
  });

  it("closes its subscription when it ends", async () => {
    await using server = await startServer();
    const { clock, jobs } = await startSubscribedJobs(server.url);
    jobs[0]!.task.finish();
    await passUntil(clock, jobs[0]!.flush());

    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "FINISHED", "0");
    await metricReaches(server.url, "tidemark_websockets", 0);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
  });
});

interface IdleJobs {
  readonly clock: ManualClock;
  readonly jobs: readonly Job[];
  /** The number of requests and connections so far. */
  requestCount(): number;
}

/** Stores jobs and subscribes to their cancel requests. @param serverUrl serves the metrics */
async function startSubscribedJobs(url: string, count = 1, serverUrl = url): Promise<IdleJobs> {
  const idle = await startJobs(url, count);
  await passUntil(idle.clock, metricReaches(serverUrl, SUBSCRIBERS, 1));
  await pass(idle.clock, 2 * POLL_MS); // the first events have arrived
  return idle;
}

async function startJobs(url: string, count = 1): Promise<IdleJobs> {
  const clock = new ManualClock();
  let requestCount = 0;
  const token = (): string => `${requestCount++}`;
  const tidemark = connect({ url, clock, token, intervalMs: 20 });
  const jobs = Array.from({ length: count }, (_, index) =>
    tidemark.job({ ...JOB, jobId: `${index}` }, leaf("wait")),
  );
  for (const job of jobs) job.task.begin();
  await passUntil(clock, Promise.all(jobs.map((job) => job.flush({ timeoutMs: 30_000 }))));
  return { clock, jobs, requestCount: () => requestCount };
}

/** Advances the worker's clock, and gives the network time to deliver. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

async function passUntil(clock: ManualClock, done: Promise<unknown>): Promise<void> {
  const waiting = new Set([done]);
  void done.finally(() => waiting.clear()).catch(() => {});
  while (waiting.size > 0) await pass(clock, 20);
  await done;
}

function reasonOf({ signal }: Job): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason));
  });
}
