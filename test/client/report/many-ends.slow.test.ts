import { describe, expect, it } from "vitest";
import {
  connect,
  leaf,
  type ConnectOptions,
  type Job,
  type TidemarkError,
} from "../../../src/client/index.js";
import { IS_FULL_LENGTH } from "../../kit/process/full-length.js";
import { freePort } from "../../kit/process/free-port.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { dataOf } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";

/** Long enough for a loaded machine; a lost end never arrives. */
const TIMEOUT = { timeout: 180_000 };

/** More than the SDK keeps for an absent server. */
const COUNT = IS_FULL_LENGTH ? 10_000 : 1_500;
/** Far below what the ends of the jobs would take. */
const RATE = IS_FULL_LENGTH ? "100" : "300";

describe("Ends of many jobs at the same moment", TIMEOUT, () => {
  it("all arrive at a server that is merely busy, and `run` waits for them", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const jobs = jobsOf(COUNT, { url: server.url, onError: (error) => errors.push(error) });
    await Promise.all(jobs.map((job) => job.run((count) => count.advance())));

    expect([await finishedOn(server.url), errors]).toEqual([COUNT, []]);
  });

  it("all arrive at a server that limits the rate, and `run` waits for them", async () => {
    await using server = await startServer({ operationsPerSecondMax: RATE });
    const errors: TidemarkError[] = [];
    const jobs = jobsOf(1_500, { url: server.url, onError: (error) => errors.push(error) });
    await Promise.all(jobs.map((job) => job.run((count) => count.advance())));

    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["LIMIT_EXCEEDED"]));
    expect(await finishedOn(server.url)).toBe(1_500);
  });

  it("all arrive when the server restarts in between", async () => {
    const port = await freePort();
    const flags = { port, store: `lmdb:${temporaryFolder()}` };
    const before = await startServer(flags);
    const jobs = jobsOf(COUNT, { url: before.url });
    for (const job of jobs) job.announce();
    await Promise.all(jobs.map((job) => job.flush()));
    for (const job of jobs) job.task.finish();
    while ((await finishedOn(before.url)) === 0);
    await before.close();
    await using after = await startServer(flags);
    await Promise.all(jobs.map((job) => job.flush({ timeoutMs: 120_000 })));

    expect(await finishedOn(after.url)).toBe(COUNT);
  });
});

function jobsOf(count: number, options: ConnectOptions): Job[] {
  const tidemark = connect({ database: "d", username: "u", ...options });
  return Array.from({ length: count }, (_, index) => tidemark.job({ jobId: `job ${index}` }, leaf("count")));
}

async function finishedOn(url: string): Promise<number> {
  const query = `{ tasks(database: "d", status: [FINISHED]) { totalCount } }`;
  return (await dataOf<{ tasks: { totalCount: number } }>(url, query)).tasks.totalCount;
}
