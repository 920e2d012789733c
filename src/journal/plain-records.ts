import type { RateEstimate } from "../tasks/rate-estimate.js";
import type { IterationMode } from "../tasks/task.js";
import type { LeafRow, TaskRow, VersionedRow } from "../tasks/task-rows.js";
import { TASK_STATUSES, type TaskStatus } from "../tasks/task-status.js";
import { unreachable } from "../util/assert.js";
import { BoundedCache } from "../util/bounded-cache.js";
import { UnknownFormatError, type JournalEntry, type StoredJob } from "./journal.js";

/**
 * The JSON form of entries and jobs, as the drivers store them. A person can read it. Rows are arrays to save space: their
 * fields have a fixed order.
 */

/** An entry without what a driver stores beside it. */
export type EntryContent = Pick<JournalEntry, "format" | "madeFrom" | "change">;

/** A copy of an entry for `JSON.stringify`. */
export function plainEntry<T extends EntryContent>(entry: T): unknown {
  const { change } = entry;
  if (change.kind === "removed") return entry;
  return { ...entry, change: { ...change, tasks: change.tasks.map(fieldsOf) } };
}

/** @param plain what `plainEntry` returned, after `JSON.parse`. @throws UnknownFormatError */
export function entryOfPlain<T extends EntryContent>(plain: unknown): T {
  const entry = plain as T;
  if (entry.format !== FORMAT) throw new UnknownFormatError(`an entry of format ${entry.format}`);
  if (!CHANGES.has(entry.change.kind))
    throw new UnknownFormatError(`a change of the kind ${JSON.stringify(entry.change.kind)}`);
  if (entry.change.kind === "removed") return entry;
  const tasks = (entry.change.tasks as unknown as RowFields[]).map((fields) => rowOf(fields, fields.length));
  return { ...entry, change: { ...entry.change, tasks } };
}

/** A copy of a job for `JSON.stringify`. */
export function plainJob(job: StoredJob): unknown {
  const tasks = job.tasks.map(({ row, revision }) => [...fieldsOf(row), revision]);
  return { ...job, tasks };
}

/** @param plain what `plainJob` returned, after `JSON.parse`. @throws UnknownFormatError */
export function jobOfPlain(plain: unknown): StoredJob {
  const job = plain as StoredJob;
  const tasks = (job.tasks as unknown as VersionedFields[]).map(versionedRowOf);
  return { ...job, tasks };
}

/** The first files have the revision before the row, where later ones have the number of the kind. */
function versionedRowOf(fields: VersionedFields): VersionedRow {
  if (typeof fields[1] === "string")
    return { row: rowOf(fields, fields.length - 1), revision: fields.at(-1) as number };
  const [revision, ...row] = fields as unknown as [number, ...RowFields];
  return { row: rowOf(row, row.length), revision };
}

type OwnFields = [
  kind: number,
  path: string,
  description: string,
  status: number | string,
  startedAt: number | null,
  endedAt: number | null,
  message: string | null,
  maxConcurrency: number | null,
  isExcluded: 0 | 1,
];
type RowFields = [...OwnFields, ...rest: unknown[]];
type VersionedFields = [...RowFields, revision: number];

const KINDS = ["LEAF", "INTERMEDIATE", "ITERATIVE"] as const;

/** A leaf that has not begun. Most tasks start as one, so they have a short form. */
type PendingLeafFields = [
  kind: typeof PENDING_LEAF,
  path: string,
  description: string,
  maxConcurrency: number | null,
  volume: number | null,
  ...rest: unknown[],
];

const PENDING_LEAF = 3;

function fieldsOf(row: TaskRow): RowFields | PendingLeafFields {
  if (row.kind === "LEAF" && hasNotBegun(row))
    return [PENDING_LEAF, row.path, row.description, row.maxConcurrency, row.volume];
  const own: OwnFields = [
    KINDS.indexOf(row.kind),
    row.path,
    row.description,
    TASK_STATUSES.indexOf(row.status),
    row.startedAt,
    row.endedAt,
    row.message,
    row.maxConcurrency,
    row.isExcluded ? 1 : 0,
  ];
  switch (row.kind) {
    case "LEAF":
      return row.rateEstimate
        ? [
            ...own,
            row.volume,
            row.done,
            [row.rateEstimate.rate, row.rateEstimate.spanMs, row.rateEstimate.gapMs],
          ]
        : [...own, row.volume, row.done];
    case "INTERMEDIATE":
      return own;
    case "ITERATIVE":
      return [...own, row.mode, row.maxIterations, row.begunIterations, row.template];
    default:
      return unreachable(row);
  }
}

function hasNotBegun(row: LeafRow): boolean {
  const isBare = row.startedAt === null && row.endedAt === null && row.message === null;
  return row.status === "PENDING" && isBare && !row.isExcluded && row.done === 0;
}

/**
 * Copies field by field, because there may be millions.
 * @param count the number of fields of the row, which a revision may follow
 * @throws UnknownFormatError
 */
function rowOf(fields: RowFields | PendingLeafFields, count: number): TaskRow {
  if (isPendingLeaf(fields)) {
    checkCount(fields, count, PENDING_LEAF_FIELDS);
    return {
      kind: "LEAF",
      path: fields[1],
      description: internDescription(fields[2]),
      status: "PENDING",
      startedAt: null,
      endedAt: null,
      message: null,
      maxConcurrency: fields[3],
      isExcluded: false,
      volume: fields[4],
      done: 0,
      rateEstimate: null,
    };
  }
  const path = fields[1];
  const description = internDescription(fields[2]);
  const status = statusOf(fields[3]);
  const startedAt = fields[4];
  const endedAt = fields[5];
  const message = fields[6];
  const maxConcurrency = fields[7];
  const isExcluded = fields[8] === 1;
  switch (KINDS[fields[0]]) {
    case "LEAF": {
      checkCount(fields, count, LEAF_FIELDS, LEAF_FIELDS_WITH_RATE);
      const volume = fields[9] as number | null;
      const done = fields[10] as number;
      const rateEstimate = rateEstimateOf(fields[11]);
      return {
        kind: "LEAF",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
        volume,
        done,
        rateEstimate,
      };
    }
    case "INTERMEDIATE":
      checkCount(fields, count, OWN_FIELDS);
      return {
        kind: "INTERMEDIATE",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
      };
    case "ITERATIVE": {
      checkCount(fields, count, ITERATIVE_FIELDS);
      const own = { path, description, status, startedAt, endedAt, message, maxConcurrency, isExcluded };
      const [mode, maxIterations, begunIterations, template] = fields.slice(9) as IterativeFields;
      if (!MODES.has(mode)) throw new UnknownFormatError(`iterations of the mode ${JSON.stringify(mode)}`);
      return { kind: "ITERATIVE", ...own, mode, maxIterations, begunIterations, template };
    }
    default:
      throw new UnknownFormatError(`a task of kind ${JSON.stringify(fields[0])}`);
  }
}

/** A field that is not a list holds no estimate. Most leaves have none, and older files had other fields here. */
function rateEstimateOf(field: unknown): RateEstimate | null {
  if (!Array.isArray(field)) return null;
  const [rate, spanMs, gapMs] = field as [number, number, number];
  return { rate, spanMs, gapMs };
}

/** The first files have the status as text. */
function statusOf(field: number | string): TaskStatus {
  const status =
    typeof field === "number" ? TASK_STATUSES[field] : TASK_STATUSES.find((name) => name === field);
  if (status === undefined) throw new UnknownFormatError(`a task with the status ${JSON.stringify(field)}`);
  return status;
}

/** A field that was added by a later version must not be lost. */
function checkCount(fields: readonly unknown[], count: number, known: number, alsoKnown = known): void {
  if (count !== known && count !== alsoKnown)
    throw new UnknownFormatError(`a task of kind ${JSON.stringify(fields[0])} with ${count} fields`);
}

function isPendingLeaf(fields: RowFields | PendingLeafFields): fields is PendingLeafFields {
  return fields[0] === PENDING_LEAF;
}

/** Returns one string for equal descriptions: similar jobs share them, and there may be millions of tasks. */
function internDescription(description: string): string {
  const known = internedDescriptions.get(description);
  if (known !== undefined) return known;
  internedDescriptions.set(description, description);
  return description;
}

const internedDescriptions = new BoundedCache<string, string>(1_000);

type IterativeRow = Extract<TaskRow, { kind: "ITERATIVE" }>;
type IterativeFields = [
  mode: IterativeRow["mode"],
  maxIterations: IterativeRow["maxIterations"],
  begunIterations: IterativeRow["begunIterations"],
  template: IterativeRow["template"],
];

const FORMAT = 1;
const CHANGES = new Set<string>(["stored", "updated", "removed"]);
const MODES = new Set<string>(["FIXED", "DYNAMIC", "OPEN"] satisfies IterationMode[]);

const PENDING_LEAF_FIELDS = 5;
const OWN_FIELDS = 9;
const LEAF_FIELDS = 11;
const LEAF_FIELDS_WITH_RATE = 12;
const ITERATIVE_FIELDS = 13;
