import { describe, expect, it } from "vitest";
import { connect, iterative, leaf, task, type Task } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, waitForJob } from "../server-jobs.js";

/** Ends a test that would never see a report. */
const STEPS_MAX = 5_000;

const LOOPS: readonly (readonly [string, (root: Task, isReported: () => boolean) => Promise<unknown>])[] = [
  [
    "a tracked array",
    async (root, isReported) => {
      for await (const step of root.track(Array.from(steps()), "steps"))
        if (isReportedAfter(step, isReported)) break;
    },
  ],
  [
    "a tracked generator",
    async (root, isReported) => {
      for await (const step of root.track(steps(), "steps")) if (isReportedAfter(step, isReported)) break;
    },
  ],
  [
    "a tracked asynchronous generator",
    async (root, isReported) => {
      for await (const step of root.track(stepsLater(), "steps"))
        if (isReportedAfter(step, isReported)) break;
    },
  ],
  [
    "runs",
    async (root, isReported) => {
      for (const iteration of root.sub("iterate").iterations()) {
        const isEnough = await iteration.run("step", (step) => {
          step.advance();
          return isReportedAfter(iteration.number, isReported);
        });
        if (isEnough) break;
      }
    },
  ],
  [
    "runs that fail",
    async (root, isReported) => {
      for (const iteration of root.sub("iterate").iterations()) {
        const running = iteration.run("step", (step) => {
          step.advance();
          if (!isReportedAfter(iteration.number, isReported)) throw new Error("not yet");
        });
        if (
          await running.then(
            () => true,
            () => false,
          )
        )
          break;
      }
    },
  ],
  [
    "iterations",
    async (root, isReported) => {
      for await (const iteration of root.sub("iterate").iterations()) {
        iteration.sub("step").advance();
        if (isReportedAfter(iteration.number, isReported)) break;
      }
    },
  ],
];

describe("A loop that only computes is reported while it runs", () => {
  it.each(LOOPS)("%s", async (_, loop) => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(
      JOB,
      task("Compute", iterative("iterate", { mode: "DYNAMIC", max: STEPS_MAX }, leaf("step"))),
    );
    let isReported = false;
    await job.run(async (root) => {
      await job.flush();
      const reported = waitForJob(server.url, ({ tasks }) => tasks[0]!.progress.done > 0).then(
        () => (isReported = true),
      );
      await loop(root, () => isReported);
      const isReportedInTime = isReported;
      await reported;
      expect(isReportedInTime).toBe(true);
    });
  });
});

function* steps(): Generator<number, void, undefined> {
  for (let step = 1; step <= STEPS_MAX; step++) yield step;
}

async function* stepsLater(): AsyncGenerator<number, void, undefined> {
  yield* steps();
}

/** Computes for a millisecond, as the body of a loop. Whether the loop has seen its report, or should give up. */
function isReportedAfter(step: number, isReported: () => boolean): boolean {
  const end = performance.now() + 1;
  while (performance.now() < end);
  return isReported() || step >= STEPS_MAX;
}
