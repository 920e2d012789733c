import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLIENT_LIMITS } from "../../../src/protocol/client-limits.js";
import { parsePosition } from "../../../src/protocol/position.js";
import type { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import type { TaskInput, UpdateTaskInput } from "../../../src/client/generated/graphql.js";
import { JobSync } from "../../../src/client/report/job-sync.js";
import { iterative, leaf, task } from "../../../src/client/report/task-declaration.js";
import type { TaskState } from "../../../src/client/report/task-state.js";
import { addTasksToJob, applyReport, storeJob } from "../../../src/tasks/job-changes.js";
import type { TaskSpec } from "../../../src/tasks/task-spec.js";
import { taskAt } from "../../../src/tasks/task-path.js";
import type { JobState, UserTask } from "../../../src/tasks/user-task.js";
import { editAt } from "../../kit/store/edits.js";
import { ALICE, storeRequestOf } from "../../kit/store/requests.js";

// A worker performs random actions while random requests and answers are lost. In the end, the server has exactly what
// the worker reported: nothing is missing, counted twice or rejected.

describe("A job's state on the server", () => {
  it("converges to the worker's, whichever requests and answers are lost", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const played of steps) world.play(played);
        world.deliverAll();

        expect(world.rejections).toEqual([]);
        expect(world.serverValues).toEqual(world.workerValues);
        expect(world.server?.log.map(({ message }) => message)).toEqual(world.logged);
      }),
      { numRuns: 2_000 },
    );
  });

  it("converges to the worker's, however often the server loses its history", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(step, FORGET), { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const played of steps) world.play(played);
        world.deliverAll();

        expect(world.rejections).toEqual([]);
        expect(world.serverValues).toEqual(world.workerValues);
        const lines = world.server!.log.map(({ message }) => message);
        expect(lines).toEqual(world.logged.filter((line) => lines.includes(line)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("stays removed after a user removed the job, and the worker receives the error", () => {
    const world = new World();
    world.deliverAll();
    world.server = undefined;
    world.deliverAll();

    expect([world.server, world.rejections.length]).toEqual([undefined, 1]);
  });
});

const ROOT = task(
  "root",
  leaf("known", { volume: 20 }),
  task("middle", leaf("unknown"), task("deep", leaf("deepest"))),
  iterative("fixed", { mode: "FIXED", max: 3 }, leaf("step"), task("pair", leaf("left"), leaf("right"))),
  iterative("open", { mode: "OPEN" }, leaf("step"), leaf("more")),
);

const action = fc.constantFrom(
  "advance",
  "set",
  "volume",
  "message",
  "begin",
  "FINISHED",
  "FAILED",
  "CANCELED",
  "next",
  "add",
  "log",
);
type Step =
  | { kind: "do"; action: string; target: number; amount: number }
  | { kind: "send"; fate: Fate }
  | { kind: "forget" };
type Fate = "answered" | "request lost" | "answer lost";

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("do" as const), action, target: fc.nat(), amount: fc.nat(9) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      fate: fc.constantFrom<Fate>("answered", "request lost", "answer lost"),
    }),
  },
);

const FORGET: fc.Arbitrary<Step> = fc.constant({ kind: "forget" });

class World {
  server: UserTask | undefined;
  readonly rejections: string[] = [];
  readonly logged: string[] = [];
  #revision = 0;
  #epochs = 0;
  readonly #sync = new JobSync(
    { database: "d", jobId: ALICE.jobId },
    ROOT,
    {
      onChanged: () => {},
      onAcknowledged: () => {},
      onRejected: ({ message }) => this.rejections.push(message),
    },
    () => CLIENT_LIMITS,
  );

  play(played: Step): void {
    if (played.kind === "do") this.#do(played);
    else if (played.kind === "send") this.#send(played.fate);
    else this.#forget();
  }

  /** The last heartbeat detects whether the server lost its history. */
  deliverAll(): void {
    const deliver = (): void => {
      while (!this.#sync.stored || this.#sync.hasPending) this.#send("answered");
    };
    deliver();
    this.#report(this.#sync.heartbeat(), "answered");
    deliver();
  }

  #forget(): void {
    this.server = undefined;
    this.#epochs += 1;
  }

  get #position(): string {
    return `${String(this.#epochs).padStart(12, "0")}.${this.#revision}`;
  }

  /** The values by path of all tasks that the worker ever used. */
  get workerValues(): object {
    return Object.fromEntries(this.#states().map((state) => [state.path, workerValueOf(state)]));
  }

  get serverValues(): object {
    return Object.fromEntries(
      this.#states().map((state) => [state.path, serverValueOf(this.server!, state)]),
    );
  }

  #do({ action: verb, target, amount }: Extract<Step, { kind: "do" }>): void {
    const states = this.#states();
    const state = states[target % states.length]!;
    const act = this.#actionsOn(state, amount)[verb]!;
    if (canDo(state, verb)) act();
  }

  #actionsOn(state: TaskState, amount: number): Record<string, () => void> {
    return {
      advance: () => {
        state.done += amount;
        state.ticked();
      },
      set: () => {
        state.done = Math.max(state.done, amount * 2);
        state.ticked();
      },
      volume: () => state.setVolume(amount),
      message: () => state.setMessage(`word ${amount}`),
      begin: () => state.begin(),
      FINISHED: () => state.end("FINISHED"),
      FAILED: () => state.end("FAILED", "reason"),
      CANCELED: () => state.end("CANCELED"),
      next: () => {
        state.beginIteration();
        state.subTask(amount % state.subTaskCount); // of any iteration
      },
      add: () =>
        void state.add(amount % 2 === 0 ? leaf("added", { volume: amount }) : task("group", leaf("of one"))),
      log: () => {
        this.#sync.log(state, "INFO", `line ${this.logged.length}`);
        this.logged.push(`line ${this.logged.length}`);
      },
    };
  }

  /** Sends like a Reporter. */
  #send(fate: Fate): void {
    const sync = this.#sync;
    if (sync.isMissing) {
      if (fate === "answered") sync.onDatabaseEpoch(parsePosition(this.#position).epoch);
    } else if (sync.needsStore) {
      const { task: spec, requestId } = sync.takeStoreRequest();
      const change = () =>
        storeJob(
          this.#before,
          storeRequestOf(ALICE, { spec: specOf(spec), requestId: requestId! }),
          this.#edit(),
        );
      if (this.#deliver(fate, change))
        sync.onStoreAcknowledged({ ...STORED, attempt: this.server!.attempt, position: this.#position }, 0);
    } else if (sync.hasTasksToAdd) {
      this.#grow(fate);
    } else for (const input of sync.takeReports().slice()) this.#report(input, fate);
  }

  #grow(fate: Fate): void {
    const { path = "", tasks, requestId, attempt } = this.#sync.takeAddTasksRequest();
    const growth = { path, specs: tasks.map(specOf), requestId: requestId!, attempt: attempt! };
    try {
      if (this.#deliver(fate, () => addTasksToJob(this.#before, ALICE, growth, this.#edit())))
        this.#sync.onAddTasksAcknowledged(undefined, 0);
    } catch (error) {
      this.#sync.onJobRejected(error as TidemarkError); // safe: reducers throw nothing else
    }
  }

  #report(input: UpdateTaskInput, fate: Fate): void {
    const { attempt, updates, log, requestId } = input;
    const report = {
      attempt: attempt!,
      updates: (updates ?? []).map((update) => ({ path: "", ...update })),
      log: (log ?? []).map((line) => ({ level: "INFO" as const, path: "", ...line })),
      requestId: requestId ?? null,
    };
    try {
      if (this.#deliver(fate, () => applyReport(this.#before, ALICE, report, this.#edit()))) {
        this.#sync.onReportAcknowledged(input, undefined, 0);
      }
    } catch (error) {
      this.#sync.onReportRejected(input, error as TidemarkError); // safe: reducers throw nothing else
    }
  }

  #deliver(fate: Fate, change: () => UserTask): boolean {
    if (fate !== "request lost") this.server = change();
    return fate === "answered";
  }

  get #before(): JobState {
    return this.server;
  }

  #edit(): ReturnType<typeof editAt> {
    this.#revision += 1;
    return editAt(this.#revision, this.#revision);
  }

  #states(): TaskState[] {
    const below = (state: TaskState): TaskState[] => [state, ...state.subTasks.flatMap(below)];
    return below(this.#sync.root);
  }
}

const STORED = {
  id: "",
  database: "d",
  username: ALICE.username,
  leaseSeconds: 60,
  storedAt: "2024-06-01T00:00:00.000Z",
  cancelRequest: null,
};

/** The API and the domain use the same names. */
function specOf(input: TaskInput): TaskSpec {
  return input;
}

/** Whether the action is valid. Misuse would throw. */
function canDo(state: TaskState, verb: string): boolean {
  const { kind } = state.spec;
  switch (verb) {
    case "advance":
    case "set":
    case "volume":
      return kind === "LEAF";
    case "next":
      return (
        kind === "ITERATIVE" && !hasEndedItself(state) && state.iteration < Math.min(4, state.iterationsMax)
      );
    case "add":
      return kind === "PARENT" && !state.hasEnded && !state.path.startsWith("3.");
    default:
      return true;
  }
}

/** Then a next iteration would throw. It goes on unreported if only a task above has ended. */
function hasEndedItself({ hasEnded, parent }: TaskState): boolean {
  return hasEnded && parent?.hasEnded !== true;
}

/** The server does not know of OPEN iterations that began after the end of a task above. */
function isNeverStarted({ hasEnded, status, path }: TaskState): boolean {
  return hasEnded && status === "PENDING" && path.startsWith("3.");
}

interface TaskValues {
  readonly status: string;
  readonly done: number;
  readonly message: string;
}

/** A task that was skipped because a task above ended is CANCELED or PENDING on the server, without progress. */
function workerValueOf({ status, message, doneToReport, hasEnded }: TaskState): TaskValues {
  return { status: hasEnded && status === "PENDING" ? "skipped" : status, message, done: doneToReport };
}

function serverValueOf({ task: root }: UserTask, state: TaskState): TaskValues | undefined {
  const held = taskAt(root, state.path === "" ? [] : state.path.split(".").map(Number));
  if (!held) return isNeverStarted(state) ? workerValueOf(state) : undefined;
  const isSkipped = state.hasEnded && state.status === "PENDING" && /PENDING|CANCELED/.test(held.status);
  const isFilled = state.status === "FINISHED" && held.done >= state.doneToReport;
  const done = state.spec.kind !== "LEAF" || isFilled ? state.doneToReport : held.done;
  return { status: isSkipped ? "skipped" : held.status, message: held.message ?? "", done };
}
