import { describe, expect, it } from "vitest";
import { connect, leaf, task, type Watch } from "../../src/client/index.js";
import { startServer } from "../kit/server.js";

describe("A connection", () => {
  it("watches the jobs of its database, and sees what is reported over it", async () => {
    await using server = await startServer();
    const tidemark = connect({ url: server.url, database: "d", username: "u" });
    await using watch = tidemark.watch();
    await watch.untilLive();

    await tidemark.job({ jobId: "j" }, task("Import", leaf("read", { volume: 2 }))).run(async (root) => {
      await root.run("read", (read) => read.advance(2));
    });
    await finished(watch);

    expect([...watch.jobs.values()].map(({ jobId, database }) => [database, jobId])).toEqual([["d", "j"]]);
  });
});

/** Resolves when the watch has told that a job is finished. */
async function finished(watch: Watch): Promise<void> {
  for await (const event of watch) if ("job" in event && event.job.task.status === "FINISHED") return;
}
