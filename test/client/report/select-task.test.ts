import { describe, expect, it } from "vitest";
import {
  connect,
  iterative,
  leaf,
  task,
  type Iteration,
  type Task,
  type TaskSpec,
} from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer, linesOf } from "../server-jobs.js";

const CONVERT = leaf("convert");

describe("Several tasks of one name", () => {
  it.each<[string, (root: Task) => unknown]>([
    [
      "one run after another",
      async (root) => {
        await root.run("convert", (convert) => convert.advance(1));
        await root.run("convert", (convert) => convert.advance(2));
      },
    ],
    [
      "runs at once",
      (root) => Promise.all([1, 2].map((units) => root.run("convert", (convert) => convert.advance(units)))),
    ],
    [
      "a loop and a run",
      async (root) => {
        for (const item of root.track(["a"], "convert")) expect(item).toBe("a");
        await root.run("convert", (convert) => convert.advance(2));
      },
    ],
    [
      "loops that are wrapped before they start",
      (root) => {
        const loops = [root.track([1], "convert"), root.track([1, 2], "convert")];
        for (const loop of loops) expect([...loop]).not.toEqual([]);
      },
    ],
    [
      "sub() after the end of each",
      (root) => {
        for (const units of [1, 2]) {
          root.sub("convert").advance(units);
          root.sub("convert").finish();
        }
      },
    ],
  ])("each report one piece of work: %s", async (_, work) => {
    expect(await linesAfter(task("Convert", CONVERT, CONVERT), work)).toEqual([
      "Convert FINISHED 3/3",
      "convert FINISHED 1/1",
      "convert FINISHED 2/2",
    ]);
  });

  it("are taken in a part of the tree, in an iteration, and once they are added", async () => {
    const tree = task(
      "Job",
      task("part", CONVERT, CONVERT),
      iterative("repeat", { mode: "FIXED", max: 1 }, CONVERT, CONVERT),
      task("grow", CONVERT),
    );
    const twice = async (above: Task | Iteration): Promise<void> => {
      for (const units of [1, 2]) await above.run("convert", (convert) => convert.advance(units));
    };
    const lines = await linesAfter(tree, async (root) => {
      await root.run("part", twice);
      await root.run("repeat", (repeat) => twice(repeat.next()));
      await root.run("grow", async (grow) => {
        await grow.run("convert", (convert) => convert.advance(1));
        grow.add(CONVERT);
        await grow.run("convert", (convert) => convert.advance(2));
      });
    });

    const convert = ["convert FINISHED 1/1", "convert FINISHED 2/2"];
    expect(lines).toEqual([
      "Job FINISHED 9/9",
      "part FINISHED 3/3",
      ...convert,
      "repeat FINISHED 3/3",
      ...convert,
      "grow FINISHED 3/3",
      ...convert,
    ]);
  });

  it("include one that the program has started itself", async () => {
    const lines = await linesAfter(task("Convert", CONVERT), async (root) => {
      root.sub("convert").begin();
      await root.run("convert", (convert) => convert.advance(2));
    });

    expect(lines).toEqual(["Convert FINISHED 2/2", "convert FINISHED 2/2"]);
  });
});

describe("Work that could not be reported throws a TypeError", () => {
  const NAMES = 'Its subtasks: ["convert","upload"].';

  it.each<[string, (root: Task) => unknown, string]>([
    [
      "a name that does not exist",
      (root) => root.run("covert", done),
      `Task "Job" has no subtask "covert". ${NAMES} Declare another one or call add().`,
    ],
    [
      "more runs than tasks",
      async (root) => {
        await root.run("convert", done);
        await root.run("convert", done);
      },
      `Task "Job" has no pending subtask "convert". ${NAMES}`,
    ],
    [
      "more runs at once than tasks",
      (root) => Promise.all([root.run("convert", done), root.run("convert", done)]),
      "has no pending subtask",
    ],
    [
      "a run of a task that a loop has taken",
      (root) => {
        root.track([], "convert");
        return root.run("convert", done);
      },
      "has no pending subtask",
    ],
    [
      "a second run by index",
      async (root) => {
        await root.run(0, done);
        await root.run(0, done);
      },
      'Task "convert" has ended. Declare one for each run.',
    ],
    [
      "a second run of one task",
      async (root) => {
        const convert = root.sub("convert");
        await convert.run(done);
        await convert.run(done);
      },
      'Task "convert" has ended.',
    ],
    [
      "a second loop on one leaf",
      (root) =>
        root.run("convert", (convert) => {
          expect([...convert.track([1]), ...convert.track([2])]).toEqual([]);
        }),
      'Task "convert" has ended.',
    ],
    [
      "a second iteration of one loop",
      async (root) => {
        const loop = root.track([1], "convert");
        expect([...loop]).toEqual([1]);
        for await (const item of loop) expect(item).toBe(0);
      },
      'Task "convert" has ended.',
    ],
    [
      "the run of a task that was canceled",
      (root) => {
        root.sub("convert").cancel("not needed");
        return root.sub("convert").run(done);
      },
      'Task "convert" has ended.',
    ],
  ])("%s", async (_, work, message) => {
    await expect(workIn(task("Job", CONVERT, leaf("upload")), work)).rejects.toMatchObject({
      name: "TypeError",
      message: expect.stringContaining(message) as unknown,
    });
  });

  it.each<[string, (iterate: Task) => unknown, string]>([
    [
      "a name that an iteration does not have",
      (iterate) => iterate.next().run("covert", done),
      'Task "Job" has no subtask "covert". Its subtasks: ["step"]. Declare another one in iterative().',
    ],
    [
      "a loop on a leaf that an iteration does not have",
      (iterate) => iterate.next().track([1], "covert"),
      'Task "Job" has no subtask "covert". Its subtasks: ["step"].',
    ],
    [
      "a second run in an iteration",
      async (iterate) => {
        const iteration = iterate.next();
        await iteration.run("step", done);
        await iteration.run("step", done);
      },
      'Task "Job" has no pending subtask "step"',
    ],
    [
      "iterations that overlap",
      (iterate) => {
        const [first, second] = [iterate.next(), iterate.next()];
        return Promise.all([first.run(0, done), second.run(0, done)]);
      },
      'Task "step" has ended.',
    ],
    [
      "a task within an iteration that has ended",
      (iterate) => {
        const early = iterate.next().sub("step");
        iterate.next();
        return early.run("part", done);
      },
      'Task "part" has ended.',
    ],
  ])("%s", async (_, work, message) => {
    const tree = iterative("Job", { mode: "DYNAMIC", max: 3 }, task("step", leaf("part")));

    await expect(workIn(tree, work)).rejects.toThrow(message);
  });

  it("names at most ten tasks", async () => {
    const tree = task("Job", ...Array.from({ length: 12 }, (_, index) => leaf(`part ${index}`)));

    await expect(workIn(tree, (root) => root.run("part", done))).rejects.toThrow('"part 9","…"].');
  });
});

it("runs work unreported after a task above it has ended, as it may be left of a failed one", async () => {
  const lines = await linesAfter(task("Job", task("phase", leaf("left"), CONVERT)), async (root) => {
    const phase = root.sub("phase");
    phase.fail(new Error("no disk"));
    expect(await phase.run("left", () => "done")).toBe("done");
    expect(await phase.sub(1).run(() => "done")).toBe("done");
  });

  expect(lines).toEqual([
    "Job FINISHED 0/0",
    "phase FAILED 0/0",
    "left CANCELED 0/?",
    "convert CANCELED 0/?",
  ]);
});

function done(): void {}

async function workIn(tree: TaskSpec, work: (root: Task) => unknown): Promise<unknown> {
  await using server = await startServer();
  return connect({ url: server.url }).job(JOB, tree).run(work);
}

async function linesAfter(tree: TaskSpec, work: (root: Task) => unknown): Promise<string[]> {
  await using server = await startServer();
  await connect({ url: server.url }).job(JOB, tree).run(work);
  return linesOf(await jobOnServer(server.url));
}
