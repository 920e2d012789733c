import { deepStrictEqual } from "node:assert";
import { setTimeout } from "node:timers/promises";
import { median } from "./repeat.js";
import { jobsToStore } from "./operations.js";
import { IS_PROFILING, keepResults, rotated, ROUNDS, spread } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

/**
 * Servers beside each other under the same load. In every round each gets a fresh process, some time to warm up, and a
 * window in which it is measured. What counts is the CPU time of its process an operation (user and system), as the
 * machine has other things to do; so its clock is that time as well: on a busy machine a warm-up of so many seconds of
 * the wall would be over before V8 has compiled a larger program. Ratios are made within a round, whose servers saw
 * much the same machine, and then their median.
 *
 *     npm run bench -- http-update-task --rounds 3
 *     npm run bench -- http-update-task --profile     one round; says where each server's time goes
 */
export interface Comparison {
  /** Of the bench: its figures go to `results/<name>.json`. */
  readonly name: string;
  /** The first is what the others are compared with. Their answers must be the same. */
  readonly contenders: readonly LoadContender[];
  /** The script of the client, which each round has one of. */
  readonly load: "load/http.mjs" | "load/websocket.mjs";
  /** Or, over WebSocket, operations under way on one. */
  readonly connections: number;
}

export interface LoadContender {
  readonly name: string;
  readonly script: string;
  /** How many it has stored when the load begins. */
  readonly jobs: number;
  /** What is sent to it, in turn. */
  readonly bodies: readonly string[];
  /** The first contender's CPU an operation is to be at most so many times this one's. Printed, never asserted. */
  readonly atMost?: number;
}

/** Of the server's CPU time: from then on an operation gets no cheaper (longer warm-ups were tried). */
const WARM_UP_MS = 3_000;
const WINDOW_MS = 1_500;
/** Between two looks at a server's CPU time. */
const LOOK_MS = 20;

interface Figure {
  readonly cpuMicros: number;
  readonly opsASecond: number;
}

/** A round's figures, in the order of the contenders. */
type Round = readonly Figure[];

export async function compare(comparison: Comparison): Promise<void> {
  const rounds: Round[] = [];
  const count = IS_PROFILING ? 1 : ROUNDS;
  while (rounds.length < count) rounds.push(await playRound(comparison, rounds.length));
  if (IS_PROFILING) return;
  const result = resultOf(comparison, rounds);
  console.table(result.contenders);
  console.table(result.ratios);
  await keepResults(comparison.name, result);
}

async function playRound(comparison: Comparison, round: number): Promise<Round> {
  const { contenders } = comparison;
  const figures = new Map<LoadContender, Figure>();
  const answers: unknown[] = [];
  for (const contender of rotated(contenders, round)) {
    const { figure, answer } = await play(comparison, contender);
    figures.set(contender, figure);
    answers.push(answer);
  }
  for (const answer of answers) deepStrictEqual(answer, answers[0]);
  return contenders.map((contender) => figures.get(contender)!);
}

async function play(
  { load, connections }: Comparison,
  { name, script, jobs, bodies }: LoadContender,
): Promise<{ readonly figure: Figure; readonly answer: unknown }> {
  await using server = await ServerProcess.start(script);
  await using client = await ServerProcess.start(load);
  const { url } = server;
  await server.ask("storeJobs", jobsToStore(jobs));
  const answer = await client.ask<unknown>("once", { url, body: bodies[0] });
  await client.ask("start", { url, connections, bodies });
  await spend(server, client, WARM_UP_MS);
  if (IS_PROFILING) await profile(server, client, name);
  return { figure: await measure(server, client), answer };
}

async function measure(server: ServerProcess, client: ServerProcess): Promise<Figure> {
  const look = async (): Promise<[ops: number, micros: number, now: number]> => [
    await client.ask<number>("count"),
    await server.cpuMicros(),
    performance.now(),
  ];
  const before = await look();
  await spend(server, client, WINDOW_MS);
  const after = await look();
  const [ops, micros, ms] = [after[0] - before[0], after[1] - before[1], after[2] - before[2]];
  return { cpuMicros: micros / ops, opsASecond: (1_000 * ops) / ms };
}

/** Waits until the server has worked so long, milliseconds of CPU time. Rejects when the load has failed. */
async function spend(server: ServerProcess, client: ServerProcess, ms: number): Promise<void> {
  const end = (await server.cpuMicros()) + 1_000 * ms;
  while ((await server.cpuMicros()) < end) {
    await setTimeout(LOOK_MS);
    await client.ask("count");
  }
}

async function profile(server: ServerProcess, client: ServerProcess, name: string): Promise<void> {
  await server.ask("startProfile");
  await spend(server, client, WINDOW_MS);
  const { functions, packages } = await server.ask<Record<string, object[]>>("stopProfile");
  console.log(`\n${name}: where its time goes`);
  console.table(functions);
  console.table(packages);
}

function resultOf(
  { contenders }: Comparison,
  rounds: readonly Round[],
): { contenders: object[]; ratios: object[] } {
  const [first, ...others] = contenders;
  return {
    contenders: contenders.map(({ name }, at) => ({
      server: name,
      "CPU µs an operation": spread(rounds.map((round) => round[at]!.cpuMicros)),
      "operations a second": Math.round(median(rounds.map((round) => round[at]!.opsASecond))),
    })),
    ratios: others.map(({ name, atMost }, at) => ({
      ratio: `${first!.name} : ${name}`,
      reached: spread(
        rounds.map((round) => round[0]!.cpuMicros / round[at + 1]!.cpuMicros),
        2,
      ),
      target: atMost === undefined ? "none" : `at most ${atMost}`,
    })),
  };
}
