import type { ExecutionResult } from "graphql";
import { anonymousCaller } from "../../../src/auth/caller.js";
import type { OperationContext } from "../../../src/graphql/context.js";
import {
  isRejected,
  type OperationParams,
  type Pipeline,
  type ExecutableOperation,
  type RejectedOperation,
} from "../../../src/graphql/pipeline/pipeline.js";
import { AnswerBudget } from "../../../src/graphql/pipeline/answer-budget.js";
import { schema } from "../../../src/graphql/schema.js";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Limits } from "../../../src/protocol/limits.js";
import type { UserTask } from "../../../src/tasks/user-task.js";
import { assert } from "../../../src/util/assert.js";
import { branch, iterative, leaf } from "../../kit/store/edits.js";
import { createPipeline } from "../../kit/server/pipeline.js";
import { ALICE, BOB, DATABASE, OTHER_DATABASE, reportOf, storeRequestOf } from "../../kit/store/requests.js";
import { createStores, type Stores } from "../../kit/store/task-stores.js";

/** Opens a pipeline over two databases with some jobs. Fixtures are equal except for their epochs. */
export async function openPlanFixture(limits: Partial<Limits> = {}): Promise<PlanFixture> {
  const stores = createStores({ limits });
  const store = await stores.provider.getTaskStore(DATABASE);
  const tree = branch("root", leaf("a", 10), iterative("rounds", "DYNAMIC", 3, leaf("b")));
  await store.store(storeRequestOf(ALICE, { spec: tree, memory: { minBytes: 1, maxBytes: 2 } }));
  await store.update(ALICE, {
    ...reportOf({ path: "0", done: 1, message: '€ "quoted"' }),
    log: [{ level: "INFO", path: "0", message: "started" }],
  });
  await store.store(storeRequestOf(BOB));
  const other = await stores.provider.getTaskStore(OTHER_DATABASE);
  await other.store(storeRequestOf(ALICE, { database: OTHER_DATABASE }));
  return new PlanFixture(stores);
}

export class PlanFixture implements AsyncDisposable {
  readonly stores: Stores;
  readonly pipeline: Pipeline;

  constructor(stores: Stores) {
    this.stores = stores;
    const observer = { failed() {}, eventExecuted() {}, eventsDelivered() {} };
    this.pipeline = createPipeline(stores, schema, observer);
  }

  /** The answer to a document on its first use. */
  answer(request: OperationParams): Promise<ExecutionResult> {
    const { query } = request;
    return this.#execute({ ...request, query: `${query} # ${Math.random()}` });
  }

  /** The answer to a document on its third use. */
  async answerAgain(request: OperationParams): Promise<ExecutionResult> {
    this.#prepare(request);
    this.#prepare(request);
    return this.#execute(request);
  }

  /** The result of the plan of a query; undefined if there is none, or it bails out. */
  runPlan(request: OperationParams): unknown {
    this.#prepare(request);
    const prepared = this.#prepare(request);
    if (isRejected(prepared)) return undefined;
    const data = prepared.boundPlan?.execute({
      ...prepared.contextValue,
      budget: new AnswerBudget(this.stores.limits),
    });
    return data && { data };
  }

  /** An event of Alice's job. */
  async event<Kind extends TaskEvent["kind"]>(kind: Kind): Promise<TaskEvent> {
    const store = await this.stores.provider.getTaskStore(DATABASE);
    const { position } = store;
    const [userTask, at] = [store.get(ALICE)!, this.stores.clock.now()];
    const events: { readonly [K in TaskEvent["kind"]]: TaskEvent } = {
      Reset: { kind: "Reset", position, at, cause: "INITIAL" },
      TaskStored: { kind: "TaskStored", position, at, userTask },
      TaskUpdated: { kind: "TaskUpdated", position, at, userTask, since: 1 },
      TaskRemoved: { kind: "TaskRemoved", position, at, ...ALICE, reason: "REMOVED" },
      CaughtUp: { kind: "CaughtUp", position, at },
    };
    return events[kind];
  }

  context(): OperationContext {
    const prepared = this.#prepare({ query: "{ __typename }" });
    assert(!isRejected(prepared), "the operation is executable");
    return prepared.contextValue;
  }

  /** Whether the pipeline rejects an operation before it executes anything. */
  async isRejected(request: OperationParams): Promise<boolean> {
    return isRejected(this.#prepare(request));
  }

  /** Alice's job. */
  async job(): Promise<UserTask> {
    return (await this.stores.provider.getTaskStore(DATABASE)).get(ALICE)!;
  }

  /** All jobs of the first database, without its epoch. */
  async state(): Promise<string> {
    const store = await this.stores.provider.getTaskStore(DATABASE);
    return JSON.stringify(store.query({})).replaceAll(store.position.epoch, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stores[Symbol.asyncDispose]();
  }

  #prepare(request: OperationParams): ExecutableOperation | RejectedOperation {
    return this.pipeline.prepare({ ...request, caller: anonymousCaller(this.stores.clock), serverUrl: "" });
  }

  async #execute(request: OperationParams): Promise<ExecutionResult> {
    const prepared = this.#prepare(request);
    return isRejected(prepared) ? prepared : this.pipeline.execute(prepared);
  }
}
