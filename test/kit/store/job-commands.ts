import fc from "fast-check";
import { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import type {
  CancelJobInput,
  Fence,
  AddTasksRequest,
  Report,
  StoreRequest,
} from "../../../src/tasks/job-changes.js";
import type { JobKey } from "../../../src/tasks/names.js";
import type { Retention } from "../../../src/tasks/retention.js";
import { TASK_STATUSES } from "../../../src/tasks/task-status.js";
import type { UserTask } from "../../../src/tasks/user-task.js";
import { branch, iterative, leaf } from "./edits.js";
import { jobKey } from "../journal/entries.js";
import type { ManualSteadyClock } from "../deterministic/manual-steady-clock.js";
import { comparableState } from "./comparable-state.js";
import { cancelRequestOf, addTasksRequestOf, storeRequestOf } from "./requests.js";
import { retentionOf } from "./task-stores.js";

/**
 * Random commands for one database: few keys, so that commands meet, and small trees. About a third is
 * refused, on purpose.
 */
export type JobCommand =
  | { readonly kind: "store"; readonly request: StoreRequest }
  | { readonly kind: "report"; readonly key: JobKey; readonly report: Report }
  | { readonly kind: "grow"; readonly key: JobKey; readonly growth: AddTasksRequest }
  | { readonly kind: "requestCancel"; readonly key: JobKey; readonly demand: CancelJobInput }
  | { readonly kind: "remove"; readonly key: JobKey; readonly fence: Fence }
  | { readonly kind: "purge" }
  | { readonly kind: "expire"; readonly retention: Retention };

/** Commands issued in one turn, some time after the previous ones. */
export interface CommandGroup {
  readonly afterMs: number;
  readonly commands: readonly JobCommand[];
}

/** The answer to a command: a job as plain data, a number, or the code of the error. */
export type CommandResult = { readonly value: unknown } | { readonly refused: string };

/** Applies the command to `store`. @throws errors other than TidemarkError */
export async function applyCommand(store: PerDatabaseTaskStore, command: JobCommand): Promise<CommandResult> {
  try {
    return commandResultOf(await ask(store, command));
  } catch (error) {
    return refusalOf(error);
  }
}

/** Applies all groups, each in one turn after the answers to the previous one. */
export async function applyCommandGroups(
  { store, clock }: { readonly store: PerDatabaseTaskStore; readonly clock: ManualSteadyClock },
  groups: readonly CommandGroup[],
): Promise<CommandResult[]> {
  const answers: CommandResult[] = [];
  for (const { afterMs, commands } of groups) {
    clock.advance(afterMs);
    answers.push(...(await Promise.all(commands.map((command) => applyCommand(store, command)))));
  }
  return answers;
}

export function commandResultOf(value: UserTask | number | null | undefined): CommandResult {
  return { value: typeof value === "object" && value !== null ? comparableState(value) : (value ?? null) };
}

/** @throws `error` if it is not a TidemarkError */
export function refusalOf(error: unknown): CommandResult {
  if (error instanceof TidemarkError && REFUSALS.has(error.code)) return { refused: error.code };
  throw error;
}

const REFUSALS = new Set<string>([
  "BAD_USER_INPUT",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "ILLEGAL_TRANSITION",
  "NOT_A_LEAF",
  "STALE_ATTEMPT",
  "LIMIT_EXCEEDED",
]);

function ask(store: PerDatabaseTaskStore, command: JobCommand): Promise<UserTask | number | null> {
  switch (command.kind) {
    case "store":
      return store.store(command.request);
    case "report":
      return store.update(command.key, command.report);
    case "grow":
      return store.addTasks(command.key, command.growth);
    case "requestCancel":
      return store.requestCancel(command.key, command.demand);
    case "remove":
      return store.remove(command.key, command.fence);
    case "purge":
      return store.purge();
    case "expire":
      return store.expire(command.retention);
  }
}

const USERS = ["alice", "bob", "carol"];
const JOBS = ["one", "two"];
const RETENTIONS = [retentionOf(0), retentionOf(1_000), retentionOf(0, 20_000), retentionOf(20_000, 1)];
const PATHS = ["", "", "", "0", "0", "1", "2", "9"];
const SPECS = [
  leaf("known", 10),
  leaf("unknown"),
  branch("root", leaf("a", 10), leaf("b", 10), leaf("c")),
  iterative("rounds", "DYNAMIC", 2, leaf("x", 5), leaf("y", 5)),
  iterative("rounds", "OPEN", null, leaf("x", 5)),
];

/** The keys of all jobs in the commands. */
export const KEYS = USERS.flatMap((username) => JOBS.map((jobId) => jobKey(username, jobId)));

const key = fc.constantFrom(...KEYS);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2 });
const requestId = fc.option(fc.constantFrom("a", "b"), { freq: 4 });
const fence = fc.record({ attempt: fc.constantFrom(null, null, null, 1, 2) });
const message = fc.constantFrom("", "good", "bad");

const update = fc.record({
  path: fc.constantFrom(...PATHS),
  status: maybe(fc.constantFrom(...TASK_STATUSES, "RUNNING", "RUNNING")),
  done: maybe(fc.nat(12)),
  iteration: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 5 }),
});

/** A report sets at most one message: one that is set and reset would be a change that no row shows. */
const updates = fc
  .tuple(fc.array(update, { maxLength: 2 }), maybe(message))
  .map(([[first, ...others], text]) => (first ? [{ ...first, message: text }, ...others] : []));

const line = fc.record({ level: fc.constant("INFO" as const), message, path: fc.constant("") });

const report = fc
  .tuple(fence, updates, fc.array(line, { maxLength: 2 }), requestId)
  .map(([{ attempt }, changes, log, id]): Report => ({ attempt, updates: changes, log, requestId: id }));

/** A command for one job. */
const jobCommand: fc.Arbitrary<JobCommand> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(key, fc.constantFrom(...SPECS), fc.constantFrom("OVERWRITE", "OVERWRITE", "REJECT"), requestId)
      .map(([of, spec, onConflict, id]) => ({
        kind: "store" as const,
        request: storeRequestOf(of, { spec, onConflict, requestId: id }),
      })),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("report" as const), key, report }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("grow" as const),
      key,
      growth: fc.constantFrom(...PATHS).map((path) => addTasksRequestOf(path, leaf("grown", 1))),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("requestCancel" as const),
      key,
      demand: fc.constant(cancelRequestOf("enough")),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), key, fence }) },
);

/** A command for the whole database. */
const databaseCommand: fc.Arbitrary<JobCommand> = fc.oneof(
  fc.constant({ kind: "purge" as const }),
  fc.record({ kind: fc.constant("expire" as const), retention: fc.constantFrom(...RETENTIONS) }),
);

const afterMs = fc.constantFrom(0, 1, 1_000, 20_000);

/** Mostly one command, sometimes several at once. */
export const commandGroup: fc.Arbitrary<CommandGroup> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      afterMs,
      commands: fc.array(jobCommand, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ afterMs, commands: databaseCommand.map((command) => [command]) }) },
);

/** Up to `lengthMax` groups. */
export function commandGroups(lengthMax = 30): fc.Arbitrary<CommandGroup[]> {
  return fc.array(commandGroup, { maxLength: lengthMax, size: "max" });
}
