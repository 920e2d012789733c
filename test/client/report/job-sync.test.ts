import { describe, expect, it } from "vitest";
import { CLIENT_LIMITS } from "../../../src/protocol/client-limits.js";
import { badUserInput, type TidemarkError } from "../../../src/protocol/tidemark-error.js";
import type { UpdateTaskInput } from "../../../src/client/generated/graphql.js";
import { connect, iterative, leaf, task, type TaskSpec } from "../../../src/client/index.js";
import { JobSync } from "../../../src/client/report/job-sync.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer, linesOf } from "../server-jobs.js";

const ITERATE = iterative("iterate", { mode: "OPEN" }, task("pair", leaf("left"), leaf("right")));

describe("An iteration after the end", () => {
  it("of its task throws, and leaves the report of the job intact", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, task("Rank", ITERATE));

    await job.run(async (root) => {
      const iterate = root.sub("iterate");
      iterate.next();
      iterate.finish();
      expect(() => iterate.next()).toThrow('Task "iterate" has ended');
    });

    expect(errors).toEqual([]);
    expect(linesOf(await jobOnServer(server.url))[1]).toBe("iterate FINISHED 0/0");
  });

  it("of its job goes on unreported, and its log lines name the nearest task that the server knows", async () => {
    await using server = await startServer();
    const errors: TidemarkError[] = [];
    const tidemark = connect({ url: server.url, onError: (error) => errors.push(error) });
    const job = tidemark.job(JOB, task("Rank", ITERATE));
    job.task.fail("disk full");

    const pair = job.task.sub("iterate").next().sub("pair");
    pair.sub("left").advance(3);
    pair.log.info("still going");
    await job.flush();

    const shown = await jobOnServer(server.url);
    expect([errors, linesOf(shown)]).toEqual([[], ["Rank FAILED 0/?", "iterate PENDING 0/?"]]);
    expect(shown.log).toMatchObject([{ path: "0", message: "still going" }]);
  });
});

it("A past iteration takes no more work, also on the tasks below its tasks", () => {
  const { root } = syncOf(ITERATE);
  root.beginIteration();
  root.beginIteration();

  expect(root.subTask(0).subTasks.map(({ hasEnded }) => hasEnded)).toEqual([true, true]);
});

it("A value that means nothing hides no rejection with the same code", () => {
  const messages: string[] = [];
  const sync = syncOf(leaf("Import"), ({ message }) => messages.push(message));
  for (const problem of ["odd value", "another one"]) sync.warn(badUserInput(problem), "value");
  for (const problem of ["rejected", "again"]) sync.onReportRejected(sync.heartbeat(), badUserInput(problem));

  expect(messages).toEqual(["odd value", "rejected"]);
});

describe("The requests of a job", () => {
  it("contain a task once that was added while the server had lost the job", () => {
    const sync = syncOf(task("Crawl", leaf("seed")));
    storeOnServer(sync);

    sync.restart();
    sync.root.add(leaf("page"));
    const stored = storeOnServer(sync);

    expect(stored.subTasks?.map(({ description }) => description)).toEqual(["seed", "page"]);
    expect(sync.hasTasksToAdd).toBe(false);
  });

  it("contain again what was added to an iteration, if the server has lost the job", () => {
    const sync = syncOf(iterative("iterate", { mode: "FIXED", max: 2 }, task("pair", leaf("left"))));
    storeOnServer(sync);
    sync.root.subTask(0).add(leaf("extra"));
    sync.takeAddTasksRequest();
    sync.onAddTasksAcknowledged(undefined, 0);

    sync.restart();
    storeOnServer(sync);

    expect(sync.takeAddTasksRequest()).toMatchObject({ path: "0", tasks: [{ description: "extra" }] });
  });

  it("name the nearest known task in a log line of a task that is not added yet", () => {
    const sync = syncOf(task("Crawl", leaf("seed"), task("pages", leaf("index.html"))));
    storeOnServer(sync);

    const page = sync.root.subTasks[1]!.add(leaf("about.html"));
    sync.log(page, "INFO", "no title");

    expect(linesIn(sync.takeReports())).toEqual(["1: no title"]);
  });
});

function syncOf(spec: TaskSpec, onRejected: (error: TidemarkError) => void = () => {}): JobSync {
  const observer = { onChanged: () => {}, onAcknowledged: () => {}, onRejected };
  return new JobSync({ database: "d", jobId: "j" }, spec, observer, () => CLIENT_LIMITS);
}

/** Returns the tree as the server receives it. */
function storeOnServer(sync: JobSync): ReturnType<JobSync["takeStoreRequest"]>["task"] {
  const { task: tree } = sync.takeStoreRequest();
  sync.onStoreAcknowledged(STORED, 0);
  return tree;
}

const STORED = {
  id: "",
  database: "d",
  username: "u",
  attempt: 1,
  position: "000000000000.1",
  leaseSeconds: 60,
  storedAt: "2024-06-01T00:00:00.000Z",
  cancelRequest: null,
};

function linesIn(inputs: readonly UpdateTaskInput[]): string[] {
  return inputs.flatMap(({ log }) => log ?? []).map(({ path, message }) => `${path}: ${message}`);
}
