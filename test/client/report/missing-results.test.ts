import { describe, expect, it } from "vitest";
import { connect, leaf, task, type TidemarkError } from "../../../src/client/index.js";
import type { UserTaskView } from "../../../src/graphql/context.js";
import { startSchemaServer } from "../../kit/server/extended-schema-server.js";
import { faultySchema } from "../../kit/server/faulty-schema.js";
import { JOB, jobOnServer, linesOf } from "../server-jobs.js";

/** A server that can't build the results of changes of the job "bad", after it was stored. */
const startFaultyServer = () =>
  startSchemaServer(
    faultySchema("UserTask.storedAt", (source) => {
      const { userTask } = source as UserTaskView;
      return userTask.jobId === "bad" && userTask.version > 1;
    }),
  );

describe("A report that the server applied without a result", () => {
  it("counts once, and does not hold up the reports of other jobs", async () => {
    await using server = await startFaultyServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });
    const jobs = ["bad", "good"].map((jobId) => tidemark.job({ ...JOB, jobId }, leaf(jobId)));
    for (const job of jobs) job.announce();
    await Promise.all(jobs.map((job) => job.flush()));

    for (const job of jobs) {
      job.task.advance(3);
      job.task.log.info("once");
    }
    await Promise.all(jobs.map((job) => job.flush()));
    const shown = await Promise.all(jobs.map(({ jobId }) => jobOnServer(server.url, jobId)));

    expect(shown.flatMap(linesOf)).toEqual(["bad RUNNING 3/?", "good RUNNING 3/?"]);
    expect(shown.map(({ log }) => log.map(({ message }) => message))).toEqual([["once"], ["once"]]);
    expect(errors).toEqual([]);
  });

  it("adds tasks once", async () => {
    await using server = await startFaultyServer();
    const job = connect({ url: server.url }).job({ ...JOB, jobId: "bad" }, task("root", leaf("a")));
    job.announce();
    await job.flush();

    job.task.add(leaf("b"));
    await job.flush();
    job.task.add(leaf("c"));
    await job.flush();

    expect(linesOf(await jobOnServer(server.url, "bad")).map((line) => line[0])).toEqual([
      "r",
      "a",
      "b",
      "c",
    ]);
  });
});
