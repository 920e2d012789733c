import { describe, expect, it } from "vitest";
import { LossyProxy } from "../../kit/network/lossy-proxy.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { Program } from "../../kit/process/child-process.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer } from "../server-jobs.js";

// Each worker has begun a job that the server has stored. It prints `ready` once its work has begun.

describe("The job of a process ends", () => {
  it.each([
    ["process.exit(3)", 3, "The process exited with code 3 while the job was running"],
    ["process.exit(0)", 0, "The process exited with code 0 while the job was running"],
    ["process.exitCode = 4; process.exit()", 4, "The process exited with code 4 while the job was running"],
  ])("FAILED with the exit code after %s", async (exit, code, message) => {
    await using server = await startServer();
    await using worker = startWorker(server.url, exit);

    expect([await worker.exited, worker.err]).toEqual([{ code, signal: null }, []]);
    expect(await endOf(server.url)).toEqual(["FAILED", message]);
  });

  it.each([
    ["an uncaught error", `setTimeout(() => { throw new Error("out of paper"); });`],
    ["an unhandled rejection", `Promise.reject(new Error("out of paper"));`],
    ["a rejected await", `await Promise.reject(new Error("out of paper"));`],
  ])("FAILED with the error after %s, which is printed as without the SDK", async (_, failure) => {
    await using server = await startServer();
    await using worker = startWorker(server.url, failure);
    await using other = Program.node(["--input-type=module", "--eval", `\n    ${failure}`]);

    expect(await worker.exited).toEqual(await other.exited);
    expect(worker.err.filter((line) => !/^ +at |file:|eval1/.test(line))).toEqual(
      other.err.filter((line) => !/^ +at |file:|eval1/.test(line)),
    );
    expect(worker.err.join("\n")).toContain("Error: out of paper");
    expect(await endOf(server.url)).toEqual(["FAILED", "out of paper"]);
  });

  it("FAILED when the process has no work left", async () => {
    await using server = await startServer();
    await using worker = startWorker(server.url, "");

    expect([await worker.exited, worker.err]).toEqual([{ code: 0, signal: null }, []]);
    expect(await endOf(server.url)).toEqual([
      "FAILED",
      "The process had no work left and exited while the job was running",
    ]);
  });

  it("FAILED at the next server if the one in use is lost at the end", async () => {
    await using server = await startServer();
    const network = await SeverableProxy.open(server.url);
    const work = `process.on("SIGUSR2", () => process.exit(5)); ${STAY}`;
    await using worker = startWorker(`${network.url},${server.url}`, work, { heartbeatMs: 3_600_000 });
    await worker.line((line) => line === "ready");

    await network[Symbol.asyncDispose]();
    worker.signal("SIGUSR2");

    expect([await worker.exited, worker.err]).toEqual([{ code: 5, signal: null }, []]);
    expect(await endOf(server.url)).toEqual([
      "FAILED",
      "The process exited with code 5 while the job was running",
    ]);
  });

  it("FAILED even if the server has not stored the job yet", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    const late = `process.on("SIGUSR2", () => process.exit(6)); ${STAY}
      connect(${JSON.stringify(proxy.url)}).job(${JSON.stringify({ ...JOB, jobId: "late" })}, leaf("late")).task.begin();`;
    await using worker = startWorker(server.url, late);
    holdFirstStore(proxy, () => worker.signal("SIGUSR2"));

    expect([await worker.exited, worker.err]).toEqual([{ code: 6, signal: null }, []]);
    expect(await endOf(server.url, "late")).toEqual([
      "FAILED",
      "The process exited with code 6 while the job was running",
    ]);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "CANCELED by %s, which ends the process",
    async (signal) => {
      await using server = await startServer();
      await using worker = startWorker(server.url, STAY);
      await worker.line((line) => line === "ready");
      worker.signal(signal);

      expect([await worker.exited, worker.err]).toEqual([{ code: null, signal }, []]);
      expect(await endOf(server.url)).toEqual(["CANCELED", `Interrupted by ${signal}`]);
    },
  );

  it("FAILED in a worker thread that exits, without an effect on the process", async () => {
    await using server = await startServer();
    const thread = `import { Worker } from "node:worker_threads";
      const work = ${JSON.stringify(scriptOf(server.url, "process.exit(5);"))};
      const url = "data:text/javascript," + encodeURIComponent(work.replaceAll("tidemark-client", import.meta.resolve("tidemark-client")));
      new Worker(new URL(url)).on("exit", (code) => console.log("thread", code));`;
    await using worker = Program.node(["--input-type=module", "--eval", thread]);

    expect([await worker.exited, worker.err]).toEqual([{ code: 0, signal: null }, []]);
    expect(worker.out).toContain("thread 5");
    expect(await endOf(server.url)).toEqual([
      "FAILED",
      "The process exited with code 5 while the job was running",
    ]);
  });
});

describe("A process", () => {
  it("ends at once by a second signal, while the first waits for the server", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    await using worker = startWorker(proxy.url, STAY);
    await worker.line((line) => line === "ready");
    proxy.fateOf = () => {
      worker.signal("SIGTERM");
      return "hold";
    };
    worker.signal("SIGINT");

    expect(await worker.exited).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("ends by the signal when the server is gone", async () => {
    const server = await startServer();
    await using worker = startWorker(server.url, STAY);
    await worker.line((line) => line === "ready");
    await server.close();
    worker.signal("SIGINT");

    const exit = await worker.exited;

    expect(exit).toEqual({ code: null, signal: "SIGINT" });
    expect(worker.err.filter((line) => !line.startsWith("tidemark: No Tidemark server answers"))).toEqual([]);
  });

  it("ends by the signal when the server hangs", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    await using worker = startWorker(proxy.url, STAY);
    await worker.line((line) => line === "ready");
    proxy.fateOf = () => "hold";
    worker.signal("SIGINT");

    expect([await worker.exited, worker.err]).toEqual([{ code: null, signal: "SIGINT" }, []]);
  });

  it("leaves a signal to the program's own listener, whether it was added before or after the job", async () => {
    await using server = await startServer();
    const own = `process.once("SIGTERM", () => { console.log("mine"); job.task.finish(); clearInterval(staying); });`;
    await using worker = startWorker(server.url, `const staying = setInterval(() => {}, 1_000); ${own}`);
    await worker.line((line) => line === "ready");
    worker.signal("SIGTERM");

    expect([await worker.exited, worker.out.includes("mine")]).toEqual([{ code: 0, signal: null }, true]);
    expect(await endOf(server.url)).toEqual(["FINISHED", null]);
  });

  it("has one listener per event, however many connections report, and none while no job is open", async () => {
    await using server = await startServer();
    await using worker = startWorker(
      server.url,
      `const show = () => console.log(counts().flatMap(([name, count]) => (count === before[name] ? [] : [name, count - (before[name] ?? 0)])).join(" "));
       const others = Array.from({ length: 20 }, () => connect(${JSON.stringify(server.url)}).job({}, leaf("other")));
       for (const other of others) { other.task.begin(); await other.flush(); }
       show();
       for (const each of [job, ...others]) { each.task.finish(); await each.flush(); }
       while (process.listenerCount("uncaughtExceptionMonitor")) await new Promise(setImmediate);
       show();`,
    );
    await worker.exited;

    const [during, after] = worker.out;
    expect(during!.split(" ").length).toBe(2 * EVENTS.length);
    for (const [event, count] of EVENTS) expect(` ${during} `).toContain(` ${event} ${count} `);
    expect(after).toBe("");
  });

  it("reports nothing at its end with `endsJobsOnExit: false`", async () => {
    await using server = await startServer();
    await using worker = startWorker(server.url, "process.exit(1);", { endsJobsOnExit: false });

    expect(await worker.exited).toEqual({ code: 1, signal: null });
    expect(await endOf(server.url)).toEqual(["RUNNING", null]);
  });

  it("continues after an error that it handles, and the job does not end", async () => {
    await using server = await startServer();
    const handled = `process.on("uncaughtException", () => {}); setTimeout(() => { throw new Error("handled"); });
      await new Promise((resolve) => setTimeout(resolve, 20)); process.exit(2);`;
    await using worker = startWorker(server.url, handled);

    expect(await worker.exited).toEqual({ code: 2, signal: null });
    expect(await endOf(server.url)).toEqual([
      "FAILED",
      "The process exited with code 2 while the job was running",
    ]);
  });
});

/** @param onHeld is called when the request has arrived. */
function holdFirstStore(proxy: LossyProxy, onHeld: () => void): void {
  proxy.fateOf = ({ query }) => {
    if (!query.includes("storeTask")) return "pass";
    proxy.fateOf = () => "pass";
    onHeld();
    return "hold";
  };
}

/** The events with listeners of the SDK, and how many. */
const EVENTS: readonly (readonly [event: string, count: number])[] = [
  ["beforeExit", 1],
  ["exit", 1],
  ["uncaughtExceptionMonitor", 1],
  ["newListener", 1],
  ["removeListener", 1],
  ["SIGINT", 1],
  ["SIGTERM", 1],
  ["SIGHUP", 1],
];

const STAY = "setInterval(() => {}, 1_000);";

function startWorker(url: string, work: string, options: object = {}): Program {
  return Program.node(["--input-type=module", "--eval", scriptOf(url, work, options)]);
}

function scriptOf(url: string, work: string, options: object = {}): string {
  const isObserved = !("endsJobsOnExit" in options);
  return `
    import { connect, leaf } from "tidemark-client";
    const counts = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
    const before = Object.fromEntries(counts());
    const job = connect(${JSON.stringify({ url, ...options })}).job(${JSON.stringify(JOB)}, leaf("count"));
    job.task.begin();
    await job.flush();
    while (${isObserved} && !process.listenerCount("uncaughtExceptionMonitor")) await new Promise(setImmediate);
    ${work}
    console.log("ready");`;
}

async function endOf(
  url: string,
  jobId: string = JOB.jobId,
): Promise<readonly [status: string, message: string | null]> {
  const [root] = (await jobOnServer(url, jobId)).tasks;
  return [root!.status, root!.message];
}
