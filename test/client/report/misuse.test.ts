import { describe, expect, it } from "vitest";
import { connect, leaf, task, type Job, type TidemarkError } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer, linesOf } from "../server-jobs.js";

describe("A call that throws", () => {
  const tree = task("P", leaf("a"), leaf("b", { volume: 10 }));

  it.each<[string, (job: Job) => unknown]>([
    ["advance", (job) => job.advance()],
    ["set", (job) => job.set(3)],
    ["progress", (job) => job.progress(0.5)],
    ["volume", (job) => job.volume(5)],
    ["track of a number", (job) => job.track(5 as never, "c")],
  ])("changes nothing if the program catches it: %s", async (_, misuse) => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const job = connect({ url: server.url, onError: (error) => errors.push(error) }).job(JOB, tree);
    expect(() => misuse(job)).toThrow(TypeError);
    job.sub("b").set(4);
    await job.flush();

    expect(errors).toEqual([]);
    expect(linesOf(await jobOnServer(server.url))).toEqual([
      "P RUNNING 4/?",
      "a PENDING 0/?",
      "b RUNNING 4/10",
    ]);
  });

  it("fails the job with its text if the program does not catch it", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, tree);

    await expect(job.run((root) => root.advance())).rejects.toThrow(TypeError);
    expect((await jobOnServer(server.url)).tasks[0]).toMatchObject({
      status: "FAILED",
      message: 'Task "P" is not a leaf. Report progress on its leaves.',
    });
  });

  it("adds no leaf for a value that is not a fraction", () => {
    const job = connect({ url: "http://localhost:1", onError: () => {} }).job(JOB, task("Import"));
    job.progress(40);

    expect(() => job.sub(0)).toThrow("has no subtask");
  });
});
