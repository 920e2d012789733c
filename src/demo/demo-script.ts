/**
 * The reports of the demonstration job, tick by tick. It shows every feature: a volume that becomes known later, concurrent
 * tasks, iterations that end early, messages, log lines and a warning.
 */
import type { LogLine } from "../tasks/job-changes.js";
import type { TaskSpec } from "../tasks/task-spec.js";
import type { TaskUpdate } from "../tasks/task-update.js";
import type { LogLevel, MemoryRange } from "../tasks/user-task.js";

/** The report of one tick. */
export interface DemoReport {
  readonly updates: readonly TaskUpdate[];
  readonly log: readonly LogLine[];
}

const PAGES = 24_000;
const LINKS = 180_000;
const ITERATIONS_MAX = 12;

export const DEMO_TREE: TaskSpec = {
  description: "Rank the pages of a wiki",
  maxConcurrency: 4,
  subTasks: [
    {
      description: "Load",
      subTasks: [{ description: "Read pages", volume: PAGES }, { description: "Read links" }],
    },
    {
      description: "PageRank",
      iterations: {
        mode: "DYNAMIC",
        max: ITERATIONS_MAX,
        tasks: [{ description: "Spread ranks", volume: PAGES }],
      },
    },
    {
      description: "Write",
      subTasks: [
        { description: "Write ranks", volume: PAGES },
        { description: "Build index", volume: 100, maxConcurrency: 1 },
      ],
    },
  ],
};

export const DEMO_MEMORY: MemoryRange = { minBytes: 48 * 2 ** 20, maxBytes: 96 * 2 ** 20 };

/** The time between two reports: the whole job takes about 45 s. */
export const TICK_MS = 250;

/** The reports of the job from its beginning to its end, one a tick. */
export function* demoScript(): Generator<DemoReport> {
  yield* load();
  yield* rank();
  yield* write();
  yield report([{ path: "", status: "FINISHED" }], line("INFO", "", "Ranked all pages"));
}

const LOAD_TICKS = 48;
const PAGES_TICKS = 32;
const LINKS_KNOWN_TICK = 16;

function* load(): Generator<DemoReport> {
  yield report([{ path: "0", status: "RUNNING" }], line("INFO", "0", "Reading wiki.zip, 61 MB"));
  for (let tick = 1; tick < LOAD_TICKS; tick++) {
    const pages = portion(PAGES, tick, PAGES_TICKS);
    const links = portion(LINKS, tick, LOAD_TICKS);
    const isKnown = tick >= LINKS_KNOWN_TICK;
    yield report(
      [
        { path: "0.0", done: pages, status: tick >= PAGES_TICKS ? "FINISHED" : null },
        { path: "0.1", done: links, volume: isKnown ? LINKS : null },
      ],
      tick === LINKS_KNOWN_TICK ? line("INFO", "0.1", `Found ${LINKS.toLocaleString("en")} links`) : [],
    );
  }
  yield report([{ path: "0", status: "FINISHED" }], line("WARNING", "0.1", "Skipped 31 broken links"));
}

const ITERATIONS = 8;
const ITERATION_TICKS = 9;

function* rank(): Generator<DemoReport> {
  for (let iteration = 1; iteration <= ITERATIONS; iteration++) {
    const path = `1.${iteration - 1}`;
    yield report([{ path: "1", iteration }]);
    for (let tick = 1; tick < ITERATION_TICKS; tick++) {
      yield report([{ path, done: portion(PAGES, tick, ITERATION_TICKS) }]);
    }
    const message = `iteration ${iteration}: ranks changed by ${(0.85 ** (2 * iteration)).toFixed(4)}`;
    yield report([
      { path, status: "FINISHED" },
      { path: "1", message },
    ]);
  }
  const message = `converged after ${ITERATIONS} of at most ${ITERATIONS_MAX} iterations`;
  yield report([{ path: "1", message, status: "FINISHED" }], line("INFO", "1", message));
}

const WRITE_TICKS = 40;
const HALF = WRITE_TICKS / 2;

function* write(): Generator<DemoReport> {
  for (let tick = 1; tick < WRITE_TICKS; tick++) {
    const ranks = portion(PAGES, tick, WRITE_TICKS);
    const index = portion(100, tick - HALF, WRITE_TICKS - HALF);
    yield report(
      [
        { path: "2.0", done: ranks },
        { path: "2.1", done: index },
      ],
      tick === HALF ? line("INFO", "2.0", "Wrote half of the ranks") : [],
    );
  }
}

function report(updates: readonly TaskUpdate[], log: readonly LogLine[] = []): DemoReport {
  return { updates, log };
}

function line(level: LogLevel, path: string, message: string): readonly LogLine[] {
  return [{ level, path, message }];
}

/** The part of `volume` that is done at a tick, at a realistically uneven speed. */
function portion(volume: number, tick: number, ticks: number): number {
  const share = Math.min(Math.max(tick / ticks, 0), 1);
  return Math.round(volume * (share - Math.sin(share * 6 * Math.PI) * 0.03));
}
