import { describe, expect, it } from "vitest";
import { connect, leaf, task, type TidemarkError } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, linesOf, jobOnServer } from "../server-jobs.js";

/** The sum of two of these exceeds the server's limit. */
const MAX_VOLUME = Number.MAX_SAFE_INTEGER;

describe("An exceeded limit", () => {
  it("rejects a job, even if a task is named after a transient limit", async () => {
    await using server = await startServer();
    const spec = task(
      "changesWaitingMax",
      leaf("a", { volume: MAX_VOLUME }),
      leaf("b", { volume: MAX_VOLUME }),
    );
    const job = connect({ url: server.url }).job(JOB, spec);
    job.announce();

    await expect(job.flush()).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("rejects a report, even if a task is named after a transient limit", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const spec = task("changesWaitingMax", leaf("a", { volume: MAX_VOLUME }), leaf("b"));
    const job = connect({ url: server.url, onError: (error) => errors.push(error) }).job(JOB, spec);
    job.announce();
    await job.flush();
    job.task.sub("b").volume(MAX_VOLUME);
    await job.flush();

    expect(errors.map(({ code }) => code)).toEqual(["LIMIT_EXCEEDED"]);
  });

  it("is retried if it is transient", async () => {
    await using server = await startServer({ changesWaitingMax: "1" });
    const tidemark = connect({ url: server.url });
    const jobs = ["a", "b"].map((jobId) => tidemark.job({ ...JOB, jobId }, leaf(jobId)));
    for (const job of jobs) job.task.advance(7);
    await Promise.all(jobs.map((job) => job.flush({ timeoutMs: 20_000 })));

    const shown = await Promise.all(jobs.map(({ jobId }) => jobOnServer(server.url, jobId)));
    expect(shown.flatMap(linesOf)).toEqual(["a RUNNING 7/?", "b RUNNING 7/?"]);
  });
});
