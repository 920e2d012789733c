import { describe, expect, it } from "vitest";
import { OutputReporter, initialTree } from "../../../src/cli/run/output-reporter.js";
import { OutputReader } from "../../../src/cli/run/output-reader.js";
import { connect } from "../../../src/client/index.js";
import { JOB, linesOf, jobOnServer, type ServerJob } from "../../client/server-jobs.js";
import { startServer } from "../../kit/server/server.js";

/** The job of a running program after this output. */
async function jobOf(output: string): Promise<ServerJob> {
  await using server = await startServer();
  const job = connect(server.url).job(JOB, initialTree(["/usr/bin/tool"], "root"));
  new OutputReader(new OutputReporter(job)).write(Buffer.from(output));
  await job.flush();
  return await jobOnServer(server.url);
}

describe("The first counter", () => {
  it("uses the existing leaf, and has its label in the message", async () => {
    const job = await jobOf("step 1/5\rstep 3/5\rx");

    expect(linesOf(job)).toEqual(["root RUNNING 3/5", "tool RUNNING 3/5"]);
    expect(job.tasks[1]!.message).toBe("step");
  });

  it("is followed by leaves named by their labels or numbers", async () => {
    const job = await jobOf("Read: 4/4\rWrite: 2/9\r10%\rx");

    expect(linesOf(job).slice(1)).toEqual([
      "tool FINISHED 4/4",
      "Write RUNNING 2/9",
      "phase 3 RUNNING 10/100",
    ]);
  });
});

describe("A percentage", () => {
  it.each([
    ["9%\r", "9/100"],
    ["9.5%\r", "95/1000"],
    ["9.55%\r", "955/10000"],
    ["9.555%\r", "955/10000"],
    ["9%\r9.25%\r10.5%\r11%\r", "1100/10000"],
    ["0.29%\r0.57%\r", "57/10000"],
  ])("keeps the precision of the output: %j as %s", async (output, shown) => {
    expect(linesOf(await jobOf(`${output}x`))[0]).toBe(`root RUNNING ${shown}`);
  });
});
