import { describe, expect, it } from "vitest";
import { JobReport } from "../../../src/cli/run/job-report.js";
import { OutputReader } from "../../../src/cli/run/output-reader.js";
import { connect, leaf, task } from "../../../src/client/index.js";
import { JOB, linesOf, shownJob, type ShownJob } from "../../client/shown.js";
import { startServer } from "../../kit/server.js";

/** The job of a program that has printed this, and goes on. */
async function jobOf(output: string): Promise<ShownJob> {
  await using server = await startServer();
  const job = connect({ ...JOB, url: server.url }).job(JOB, task("root", leaf("program")));
  new OutputReader(new JobReport(job, "program")).write(Buffer.from(output));
  await job.flush();
  return await shownJob(server.url);
}

describe("A percentage", () => {
  it.each([
    ["9%\r", "9/100"],
    ["9.5%\r", "95/1000"],
    ["9.55%\r", "955/10000"],
    ["9.555%\r", "955/10000"],
    ["9%\r9.25%\r10.5%\r11%\r", "1100/10000"],
    ["0.29%\r0.57%\r", "57/10000"],
  ])("is shown as finely as it is printed, and no finer: %j as %s", async (output, shown) => {
    expect(linesOf(await jobOf(`${output}x`))[0]).toBe(`root RUNNING ${shown}`);
  });
});
