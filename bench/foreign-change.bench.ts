import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decodeEntry, encodeEntry } from "../src/journal/lmdb/records.js";
import { DEFAULT_LIMITS } from "../src/protocol/limits.js";
import { JobTable } from "../src/store/job-table.js";
import { decodeChange, encodeChange, entryOf } from "../src/store/journal-codec.js";
import { MemoryBudget } from "../src/store/memory-budget.js";
import { applyReport, storeJob, type Report, type StoreRequest } from "../src/tasks/job-changes.js";
import type { Edit } from "../src/tasks/edit.js";
import { parseDatabaseName, parseJobId, parseUsername, type JobKey } from "../src/tasks/names.js";
import { Stamp } from "../src/tasks/stamp.js";
import type { TaskSpec } from "../src/tasks/task-spec.js";
import type { JobState, Removal, UserTask } from "../src/tasks/user-task.js";
import { assert } from "../src/util/assert.js";
import { rotated, ROUNDS, spread } from "./rounds.js";

/**
 * A change on the server that receives it, and on one that follows: the reducer, its encoding as JSON and the table,
 * beside the decoding of the JSON and the table. Journal, hub and sockets are not included.
 *
 * Run with `npx tsx bench/foreign-change.bench.ts`. CPU time per change, and that of the follower divided by that of the
 * writer in the same round, median [min..max] of 15 rounds on a busy machine (Node 20.20, AMD EPYC, two cores):
 *
 *     10 leaves, one more unit                       11 µs   0.92 [0.6..2.12]
 *     10 leaves, ten at once with a log line         22 µs   0.70 [0.4..0.95]
 *     1,000 leaves, one more unit                    14 µs   0.78 [0.59..1.36]
 *     1,000 leaves, ten at once with a log line      26 µs   0.83 [0.35..1.05]
 *     9,000 leaves, one more unit                    11 µs   0.82 [0.41..1.83]
 *     9,000 leaves, ten at once with a log line      26 µs   0.92 [0.56..1.32]
 *
 * Most of it is JSON on both sides. The heap of a follower's jobs is 1.00 to 1.05 times that of the writer's.
 */

const DATABASE = parseDatabaseName("neo4j", DEFAULT_LIMITS);
const EPOCH = "epochOfBench";
const KEY = Buffer.from("entry");
const TERMS = { lostAfterLeases: 3, clock: { interruptedAt: 0, monotonicAt: (time: number) => time } };

/** A server: its table, and the newest revision. */
class Node {
  readonly #table = new JobTable({
    ...TERMS,
    removalsKeptMax: 1_000,
    memory: new MemoryBudget(DEFAULT_LIMITS).open(DATABASE),
  });
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  /** Makes a change and returns its entry as JSON. */
  write(key: JobKey, reduce: (before: JobState, edit: Edit) => UserTask): Buffer {
    const before = this.#table.get(key);
    const stamp = new Stamp();
    const now = 1_700_000_000_000 + 10 * this.#revision;
    const after = reduce(before, { now, elapsedMs, stamp, limits: DEFAULT_LIMITS });
    const { change, heapSize } = encodeChange(before, this.#table.heapSizeOf(key), after);
    const { bytes } = encodeEntry(KEY, entryOf(key, change, this.#revision, "commit-id-of-20-chars"));
    stamp.set(EPOCH, ++this.#revision);
    this.#table.apply(after, heapSize);
    return bytes;
  }

  follow(body: Buffer): UserTask | Removal {
    const entry = decodeEntry(KEY, body);
    const before = this.#table.get(entry);
    const stamp = Stamp.of(EPOCH, ++this.#revision);
    const size = this.#table.heapSizeOf(entry);
    const { state, heapSize } = decodeChange(DATABASE, before, size, entry, stamp, DEFAULT_LIMITS);
    this.#table.apply(state, heapSize);
    return state;
  }
}

interface Shape {
  readonly name: string;
  readonly leaves: number;
  /** The reports of a job, in order. */
  readonly report: (index: number) => Partial<Report>;
}

const SHAPES: readonly Shape[] = [10, 1_000, 9_000].flatMap((leaves): Shape[] => [
  { name: `${leaves} leaves, one more unit`, leaves, report: (at) => oneLeaf(at % leaves, at) },
  {
    name: `${leaves} leaves, ten at once with a log line`,
    leaves,
    report: (at) => ({
      updates: Array.from({ length: 10 }, (_, leaf) => ({ path: `${(7 * at + leaf) % leaves}`, add: 1 })),
      log: [{ level: "INFO", path: "", message: `round ${at}` }],
    }),
  },
]);

function oneLeaf(leaf: number, at: number): Partial<Report> {
  return { updates: [{ path: `${leaf}`, add: 1, message: at % 3 === 0 ? `step ${at}` : null }] };
}

/** Writer and follower take turns, so that both pay for the garbage of both. */
const BLOCKS = 30;
const CHANGES = 100;

function keyOf(job: number): JobKey {
  return {
    username: parseUsername(`user${job % 50}`, DEFAULT_LIMITS),
    jobId: parseJobId(`job-2026-11-${job}`, DEFAULT_LIMITS),
  };
}

function requestOf(key: JobKey, leaves: number): StoreRequest {
  const spec: TaskSpec = {
    description: "root",
    subTasks: Array.from({ length: leaves }, (_, leaf) => ({ description: `leaf ${leaf}`, volume: 1e6 })),
  };
  const memory = { minBytes: 1, maxBytes: 2 };
  return {
    ...key,
    database: DATABASE,
    spec: received(spec),
    onConflict: "OVERWRITE",
    memory,
    leaseMs: 60_000,
    requestId: null,
  };
}

function reportOf(report: Partial<Report>): Report {
  return { attempt: null, updates: [], log: [], requestId: null, ...report };
}

/** A copy as a server receives it. */
function received<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function elapsedMs(since: number, until: number): number {
  return until - since;
}

/** Microseconds of CPU per change of the writer and of a follower. */
function measure({ leaves, report }: Shape): { writer: number; follower: number } {
  const [writer, follower] = [new Node(), new Node()];
  const key = keyOf(0);
  follower.follow(writer.write(key, (before, edit) => storeJob(before, requestOf(key, leaves), edit)));
  let [writing, following] = [0, 0];
  collectGarbage();
  for (let block = 0; block < BLOCKS; block++) {
    const reports = Array.from({ length: CHANGES }, (_, at) =>
      received(reportOf(report(block * CHANGES + at))),
    );
    const bodies: Buffer[] = [];
    writing += cpuMicros(() => {
      for (const each of reports)
        bodies.push(writer.write(key, (before, edit) => applyReport(before, key, each, edit)));
    });
    following += cpuMicros(() => {
      for (const body of bodies) follower.follow(body);
    });
  }
  return { writer: writing / BLOCKS / CHANGES, follower: following / BLOCKS / CHANGES };
}

function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The heap of a follower's jobs, divided by the writer's, after each job was stored and its leaves have reported. */
function heapRatio({ jobs, leaves, reports }: Fleet): number {
  const bodies = [...changesOf(new Node(), { jobs, leaves, reports })];
  const local = heapOf(() => {
    const node = new Node();
    Array.from(changesOf(node, { jobs, leaves, reports }), (body) => body.length); // drops the bodies
    return node;
  });
  const followed = heapOf(() => {
    const node = new Node();
    for (const body of bodies) node.follow(body);
    return node;
  });
  return followed / local;
}

interface Fleet {
  readonly jobs: number;
  readonly leaves: number;
  /** Per job. */
  readonly reports: number;
}

function* changesOf(node: Node, { jobs, leaves, reports }: Fleet): Generator<Buffer> {
  for (let job = 0; job < jobs; job++) {
    const key = keyOf(job);
    yield node.write(key, (before, edit) => storeJob(before, requestOf(key, leaves), edit));
    for (let at = 0; at < reports; at++) {
      const report = received(reportOf({ ...oneLeaf(at % leaves, at), requestId: `request ${at}` }));
      yield node.write(key, (before, edit) => applyReport(before, key, report, edit));
    }
  }
}

/** Returns bytes. */
function heapOf(make: () => Node): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const node = make();
  collectGarbage();
  const bytes = process.memoryUsage().heapUsed - before;
  assert(node.revision > 0, "the node was kept until here");
  return bytes;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

for (let warmUp = 0; warmUp < 3; warmUp++) SHAPES.forEach(measure);
const figures = SHAPES.map(() => ({ ratios: [] as number[], writer: [] as number[] }));
for (let round = 0; round < 3 * ROUNDS; round++) {
  for (const shape of rotated(SHAPES, round)) {
    const { writer, follower } = measure(shape);
    figures[SHAPES.indexOf(shape)]!.ratios.push(follower / writer);
    figures[SHAPES.indexOf(shape)]!.writer.push(writer);
  }
}
console.table(
  SHAPES.map(({ name }, at) => ({
    change: name,
    "writer, µs of CPU": spread(figures[at]!.writer),
    "follower / writer": spread(figures[at]!.ratios, 2),
  })),
);
const FLEETS: readonly Fleet[] = [
  { jobs: 2_000, leaves: 10, reports: 30 },
  { jobs: 50, leaves: 1_000, reports: 1_000 },
  { jobs: 5, leaves: 9_000, reports: 9_000 },
  { jobs: 5, leaves: 9_000, reports: 0 },
];
console.table(FLEETS.map((fleet) => ({ ...fleet, "heap, follower / writer": heapRatio(fleet).toFixed(2) })));
