/**
 * Kills scenario.mjs at each of its write and sync calls, one run a call, and compares the content of the
 * folder with the states of a run without kills.
 */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { statesIn, appendOneChange, type DatabaseState } from "./folder-state.js";
import { callsIn, underStrace, type Call } from "./strace.js";

const SCRIPT = ["test/kit/disk-faults/scenario.mjs"];
const DATABASES = ["first", "second"];
const CALLS = "pwrite64,writev,write,fdatasync,fsync,rename,unlink,ftruncate";

/** Where to kill: before the n-th call of this name in its thread. */
export interface KillPoint {
  readonly call: string;
  readonly nth: number;
}

/** The run without kills. */
export interface BaselineRun {
  /** The databases before the first step and after each step. */
  readonly states: readonly (readonly DatabaseState[])[];
  readonly points: readonly KillPoint[];
}

/** The result of a killed run. */
export interface KillOutcome {
  readonly point: KillPoint;
  readonly wasKilled: boolean;
  /** The number of answered steps. */
  readonly answered: number;
  /** The steps after which the databases had the state that was found; empty if there is no such step. */
  readonly found: readonly number[];
  readonly isEpochKept: boolean;
  /** Whether one more change got the next revision and could be read again. */
  readonly isWritable: boolean;
  readonly failure?: unknown;
}

export async function runBaseline(folder: string): Promise<BaselineRun> {
  const log = `${folder}.log`;
  await using program = underStrace(["-e", `trace=${CALLS}`], [...SCRIPT, folder], log);
  const { code } = await program.exited;
  if (code !== 0) throw new Error(`The scenario fails by itself. ${program.err.join("\n")}`);
  const nothing = DATABASES.map(() => ({ epoch: "", revision: 0, tombstoneHorizon: 0, states: [] }));
  return { states: [nothing, ...program.out.map(statesOf)], points: pointsIn(callsIn(log), folder) };
}

/** Runs the scenario once for each kill point, in folders below `parent`. */
export async function killAtEach(unharmed: BaselineRun, parent: string): Promise<KillOutcome[]> {
  const waiting = [...unharmed.points.entries()];
  const outcomes: KillOutcome[] = [];
  const work = async (): Promise<void> => {
    for (let next; (next = waiting.shift());) {
      const [place, point] = next;
      const folder = join(parent, `${place}`);
      outcomes.push(await killAt(point, folder, unharmed));
      rmSync(folder, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  return outcomes;
}

/** Answered changes are kept, no change is partial, and the history is the same. */
export function isConsistent({ answered, found, isEpochKept, isWritable }: KillOutcome): boolean {
  const isAfterWhatWasAnswered = found.includes(answered) || found.includes(answered + 1);
  return isAfterWhatWasAnswered && isEpochKept && isWritable;
}

async function killAt(point: KillPoint, folder: string, { states }: BaselineRun): Promise<KillOutcome> {
  const { call, nth } = point;
  const tampering = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${nth}`];
  await using program = underStrace(tampering, [...SCRIPT, folder], `${folder}.log`);
  const { signal } = await program.exited;
  const run = { point, wasKilled: signal === "SIGKILL", answered: program.out.length };
  try {
    const found = await statesIn(folder, DATABASES);
    const steps = states.flatMap((state, step) =>
      isDeepStrictEqual(withoutEpochs(state), withoutEpochs(found)) ? [step] : [],
    );
    const last = statesOf(program.out.at(-1) ?? "[]");
    const isEpochKept = last.every(({ epoch, revision }, at) => revision === 0 || epoch === found[at]?.epoch);
    return { ...run, found: steps, isEpochKept, isWritable: await takesOneMore(folder, found) };
  } catch (failure) {
    return { ...run, found: [], isEpochKept: false, isWritable: false, failure };
  }
}

async function takesOneMore(folder: string, found: readonly DatabaseState[]): Promise<boolean> {
  for (const [at, name] of DATABASES.entries()) {
    const expected = found[at]!.revision + 1;
    if ((await appendOneChange(folder, name)) !== expected) return false;
  }
  const now = await statesIn(folder, DATABASES);
  return now.every(({ revision }, at) => revision === found[at]!.revision + 1);
}

/** Without the epochs, which differ between runs. */
function withoutEpochs(states: readonly DatabaseState[]): object[] {
  return states.map(({ epoch: _, ...state }) => state);
}

function statesOf(line: string): DatabaseState[] {
  return JSON.parse(line) as DatabaseState[]; // safe: the scenario writes nothing else
}

/** Every call on a file of the folder; of the writes that extend a file, only the first. */
function pointsIn(calls: readonly Call[], folder: string): KillPoint[] {
  const counts = new Map<string, number>();
  const points = new Map<string, KillPoint>();
  let before = "";
  for (const { thread, name, text } of calls) {
    const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, nth);
    if (!text.includes(folder)) continue;
    const isNextPiece = PIECE.test(text) && PIECE.test(before);
    if (!isNextPiece) points.set(`${name} ${nth}`, { call: name, nth });
    before = text;
  }
  return [...points.values()];
}

/** A write of the space reservation. */
const PIECE = /^pwrite64\(.*, 16384, \d+\) = 16384/;
