import type { ExecutionResult } from "graphql";
import { anonymousCaller } from "../../src/auth/caller.js";
import type { OperationContext } from "../../src/graphql/context.js";
import {
  isRefusal,
  type OperationText,
  type Pipeline,
  type PreparedOperation,
  type Refusal,
} from "../../src/graphql/pipeline.js";
import { schema } from "../../src/graphql/schema.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import type { Limits } from "../../src/protocol/limits.js";
import { assert } from "../../src/util/assert.js";
import { nothing } from "../../src/util/nothing.js";
import { branch, iterative, leaf } from "../kit/edits.js";
import { createPipeline } from "../kit/pipelines.js";
import { ALICE, BOB, DATABASE, OTHER_DATABASE, toReport, toStore } from "../kit/requests.js";
import { createStores, type Stores } from "../kit/task-stores.js";

/** A pipeline over two databases with some jobs. Each world is like the others, but for its epochs. */
export async function openPlanWorld(limits: Partial<Limits> = {}): Promise<PlanWorld> {
  const stores = createStores({ limits });
  const store = await stores.provider.getTaskStore(DATABASE);
  const tree = branch("root", leaf("a", 10), iterative("rounds", "DYNAMIC", 3, leaf("b")));
  await store.store(toStore(ALICE, { spec: tree, memory: { minBytes: 1, maxBytes: 2 } }));
  await store.update(ALICE, {
    ...toReport({ path: "0", done: 1, message: '€ "quoted"' }),
    log: [{ level: "INFO", path: "0", message: "begun" }],
  });
  await store.store(toStore(BOB));
  const other = await stores.provider.getTaskStore(OTHER_DATABASE);
  await other.store(toStore(ALICE, { database: OTHER_DATABASE }));
  return new PlanWorld(stores);
}

export class PlanWorld implements AsyncDisposable {
  readonly stores: Stores;
  readonly pipeline: Pipeline;

  constructor(stores: Stores) {
    this.stores = stores;
    const observer = { failed: nothing, eventExecuted: nothing, eventsTold: nothing };
    this.pipeline = createPipeline(stores, schema, observer);
  }

  /** The answer to a document on first sight. */
  answer(asked: OperationText): Promise<ExecutionResult> {
    const { query } = asked;
    return this.#execute({ ...asked, query: `${query} # ${Math.random()}` });
  }

  /** The answer to a document that was seen twice. */
  async answerAgain(asked: OperationText): Promise<ExecutionResult> {
    this.#prepare(asked);
    this.#prepare(asked);
    return this.#execute(asked);
  }

  /** The result of the plan of a query alone; undefined where there is none, or it gives up. */
  runPlan(asked: OperationText): unknown {
    this.#prepare(asked);
    const prepared = this.#prepare(asked);
    if (isRefusal(prepared)) return undefined;
    const data = prepared.planned?.run(prepared.contextValue);
    return data && { data };
  }

  /** An event that tells of Alice's job. */
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

  /** The context of resolvers. */
  context(): OperationContext {
    const prepared = this.#prepare({ query: "{ __typename }" });
    assert(!isRefusal(prepared), "it can be executed");
    return prepared.contextValue;
  }

  /** All jobs of the first database, apart from its epoch. */
  async state(): Promise<string> {
    const store = await this.stores.provider.getTaskStore(DATABASE);
    return JSON.stringify(store.query({})).replaceAll(store.position.epoch, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stores[Symbol.asyncDispose]();
  }

  #prepare(asked: OperationText): PreparedOperation | Refusal {
    return this.pipeline.prepare({ ...asked, caller: anonymousCaller(this.stores.clock) });
  }

  async #execute(asked: OperationText): Promise<ExecutionResult> {
    const prepared = this.#prepare(asked);
    return isRefusal(prepared) ? prepared : this.pipeline.execute(prepared);
  }
}
