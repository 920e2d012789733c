import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changedTasksSince } from "../../src/tasks/traverse.js";
import type { Task, TaskKind } from "../../src/tasks/task.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { scenarios, type AimedUpdate, type Command, type Scenario } from "./model-scenarios.js";
import { play, type Step } from "./model-comparison.js";

/**
 * Compares the code with a literal model of the contract: both must agree after every step, whatever happens to
 * a job. On a failure, fast-check prints the seed and the shortest scenario that it found.
 */
describe("a random history of valid, invalid and repeated commands", () => {
  it("has the same results and the same job as the model", () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const { actual, expected } = atTheEndOf(play(scenario));

        expect(actual).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("checks sums after the whole update, when skipped iterations no longer count", () => {
    const steps = playedAlike({
      spec: branch(
        "root",
        iterative("rounds", "OPEN", null, leaf("a", 1)),
        leaf("b", Number.MAX_SAFE_INTEGER - 2),
      ),
      commands: [reportOn("ITERATIVE", { iteration: 3 })],
    });

    expect(steps.map(({ actual }) => actual.outcome)).toEqual(["changed", "changed"]);
  });

  it("reports every task that has changed since a revision, and no task without a change in or below it", () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const answers = answersSinceAll(playedAlike(scenario));

        expect(answers.flatMap(({ missing }) => missing)).toEqual([]);
        expect(answers.flatMap(({ untouched }) => untouched)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("reports no task whose state and sums are equal since a revision", () => {
    fc.assert(
      fc.property(scenarios({ updatesMax: 1 }), (scenario) => {
        const answers = answersSinceAll(playedAlike(scenario));

        expect(answers.flatMap(({ surplus }) => surplus)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

/** Selects the first task of this kind. */
function reportOn(kind: TaskKind, update: Omit<AimedUpdate, "aim">): Command {
  const updates = [{ ...update, aim: { kind, place: 0, bogus: null } }];
  return { kind: "report", waitMs: 0, attempt: "its own", updates, logLines: 0, requestId: null };
}

/** The steps, after a check that code and model agree on them. */
function playedAlike(scenario: Scenario): Step[] {
  const steps = play(scenario);
  const { actual, expected } = atTheEndOf(steps);
  expect(actual).toEqual(expected);
  return steps;
}

/** Both results of the latest step, the only one that can differ. */
function atTheEndOf(steps: readonly Step[]): { actual: unknown; expected: unknown } {
  const { command, actual, expected } = steps.at(-1)!;
  return { actual: { command, ...actual }, expected: { command, ...expected } };
}

/** How the result of `changedTasksSince` for one tree and one revision differs from the expected one. */
interface Answer {
  /** Changed tasks that are missing. */
  readonly missing: readonly string[];
  /** Tasks in the result without any change in or below them. */
  readonly untouched: readonly string[];
  /** Tasks in the result whose own fields and sums did not change. */
  readonly surplus: readonly string[];
}

/** Compares, after every change, the result for every earlier revision. */
function answersSinceAll(steps: readonly Step[]): Answer[] {
  const changes = steps.filter(({ actual }) => actual.outcome === "changed");
  return changes.flatMap((now, index) => {
    const sameAttempt = changes.slice(0, index).filter(({ actual }) => actual.attempt === now.actual.attempt);
    const trees = sameAttempt.filter(({ job }) => job?.kind === "userTask");
    return now.job?.kind === "userTask" ? trees.map((then) => answerSince(then, now, changes, now.job)) : [];
  });
}

function answerSince(then: Step, now: Step, changes: readonly Step[], job: Step["job"]): Answer {
  const { revision } = then.expected;
  const answer = changedTasksSince((job as { task: Task }).task, revision).map(({ path }) => path);
  const between = changes.slice(changes.indexOf(then) + 1, changes.indexOf(now) + 1);
  const everDiffered = new Set(
    between.flatMap((step) => [...step.written, ...differing(before(changes, step), step)]),
  );
  const changedHere = new Set(pathsOf(now).filter((_, index) => now.expected.revisions[index]! > revision));
  return {
    missing: differing(then, now).filter((path) => !answer.includes(path)),
    untouched: answer.filter((path) => !changedHere.has(path)),
    surplus: answer.filter((path) => !everDiffered.has(path)),
  };
}

function before(changes: readonly Step[], step: Step): Step {
  return changes[changes.indexOf(step) - 1]!;
}

/** The paths of the tasks that are new or different since the earlier tree, by the model. */
function differing(then: Step, now: Step): string[] {
  const old = new Set(then.expected.tasks);
  return now.expected.tasks.filter((line) => !old.has(line)).map(pathOf);
}

function pathsOf({ expected }: Step): string[] {
  return expected.tasks.map(pathOf);
}

function pathOf(line: string): string {
  return (JSON.parse(line) as { path: string }).path;
}
