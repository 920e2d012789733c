import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { describe, expect, it } from "vitest";
import type { ConnectOptions } from "../../../src/client/index.js";
import { Program } from "../../kit/process/child-process.js";
import { freePort } from "../../kit/process/free-port.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, waitForJob, linesOf, jobOnServer } from "../server-jobs.js";

// Each worker is a process that never calls exit. Some of them wait for a server, so the tests run at once.

describe.concurrent("A worker's process", () => {
  it("exits once its work is done and the server has stored the end", async () => {
    await using server = await startServer();
    await using worker = runWorker(
      server.url,
      `await job.run((count) => count.advance(3)); console.log(process.uptime());`,
    );
    const { code } = await worker.exited;

    expect([code, worker.err]).toEqual([0, []]);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["count FINISHED 3/3"]);
  });

  it("delivers the end of a job before it exits, without an await", async () => {
    await using server = await startServer();
    await using worker = runWorker(server.url, `job.task.advance(3); job.task.finish();`);

    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(await jobOnServer(server.url))).toEqual(["count FINISHED 3/3"]);
  });

  it("reports its progress before it exits in the middle of a job", async () => {
    await using server = await startServer();
    await using worker = runWorker(
      server.url,
      `job.task.advance(1); await job.flush(); job.task.advance(2); job.task.log.info("so far");`,
    );

    expect(await worker.exited).toEqual({ code: 0, signal: null });
    const shown = await jobOnServer(server.url);
    expect([linesOf(shown), shown.log.length]).toEqual([["count FAILED 3/?"], 1]);
  });

  it("exits during a job without progress", async () => {
    await using server = await startServer();
    await using worker = runWorker(
      server.url,
      `job.task.begin(); await job.flush(); console.log("flushed"); await new Promise((resolve) => setTimeout(resolve, 1_500));`,
    );
    await worker.line((line) => line === "flushed");

    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(await jobOnServer(server.url))).toEqual(["count FAILED 0/?"]);
  });

  it("exits with the result of its work when no server is reachable", async () => {
    await using worker = runWorker(
      "http://127.0.0.1:1",
      `console.log(await job.run(() => "done")); const endedAt = performance.now();
       process.on("exit", () => console.log(performance.now() - endedAt));`,
    );
    const { code } = await worker.exited;

    const [tookMs, , done] = worker.out.toSorted(); // a number comes before "away"
    expect([code, worker.err, done]).toEqual([0, [], "done"]);
    expect(Number(tookMs)).toBeLessThan(5_500);
  });

  it("exits when the server accepts connections but never answers", async () => {
    await using hanging = await startHanging();
    await using worker = runWorker(
      hanging.url,
      `const began = performance.now(); console.log(await job.run(() => "done"));
       process.on("exit", () => console.log(performance.now() - began));`,
      { endTimeoutMs: 300, requestTimeoutMs: 20_000 },
    );
    const { code } = await worker.exited;

    const [tookMs, , done] = worker.out.toSorted(); // a number comes before "away"
    expect([code, worker.err, done]).toEqual([0, [], "done"]);
    expect(Number(tookMs)).toBeLessThan(5_000);
  });

  it("delivers the end to a server that returns in time", async () => {
    const port = await freePort();
    await using worker = runWorker(`http://127.0.0.1:${port}`, `job.task.advance(3); job.task.finish();`);
    await worker.line((line) => line === "away");
    await using server = await startServer({ port });

    expect(await worker.exited).toEqual({ code: 0, signal: null });
    const shown = await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "FINISHED");
    expect(linesOf(shown)).toEqual(["count FINISHED 3/3"]);
  });

  it("fails when its work throws, as it would without the SDK", async () => {
    await using server = await startServer();
    await using worker = runWorker(server.url, `await job.run(() => { throw new Error("broken"); });`);

    expect(await worker.exited).toEqual({ code: 1, signal: null });
    expect(worker.err.join("\n")).toContain("Error: broken");
    expect(linesOf(await jobOnServer(server.url))).toEqual(["count FAILED 0/?"]);
  });
});

/** A worker with `job`, a leaf, that prints "away" when no server answers. */
function runWorker(url: string, work: string, options: ConnectOptions = {}): Program {
  const script = `
    import { connect, leaf } from "tidemark-client";
    const onError = () => console.log("away");
    const job = connect({ ...${JSON.stringify({ url, ...options })}, onError }).job(${JSON.stringify(JOB)}, leaf("count"));
    ${work}`;
  return Program.node(["--input-type=module", "--eval", script]);
}

async function startHanging(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = await listening(createServer((socket) => socket.on("error", () => {})));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    [Symbol.asyncDispose]: async () => void server.close(), // its connections ended with the worker
  };
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port; // safe: it listens on a port
}
