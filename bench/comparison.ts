import { deepStrictEqual } from "node:assert";
import { setTimeout } from "node:timers/promises";
import { median } from "./repeat.js";
import { jobsToStore } from "./operations.js";
import { IS_PROFILING, writeResults, rotated, ROUNDS, spread } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

/**
 * Compares servers under the same load. In every round each server gets a fresh process, a warm-up and a measured window.
 * The figure is the CPU time per operation of its process (user and system), as the machine has other work. Warm-up and
 * window are in CPU time too: on a busy machine, a warm-up in wall time could end before V8 has compiled a larger program.
 * A ratio compares figures of one round, which saw much the same machine; the result is the median of the rounds.
 *
 *     npm run bench -- http-update-task --rounds 3
 *     npm run bench -- http-update-task --profile     one round; shows where each server's time is spent
 */
export interface Comparison {
  /** The name of the benchmark. Its figures are stored in `results/NAME.json`. */
  readonly name: string;
  /** The first one is compared with the others. Their answers must be equal. */
  readonly contenders: readonly LoadContender[];
  /** The script of the load client. */
  readonly load: "load/http.mjs" | "load/websocket.mjs";
  /** Over WebSocket: operations in flight on one connection. */
  readonly connections: number;
}

export interface LoadContender {
  readonly name: string;
  readonly script: string;
  /** How many jobs it has stored when the load starts. */
  readonly jobs: number;
  /** The request bodies, sent in turn. */
  readonly bodies: readonly string[];
  /** The target for the first contender's CPU per operation, divided by this one's. Printed, not asserted. */
  readonly atMost?: number;
}

/** CPU time of the server. Longer warm-ups did not make operations cheaper. */
const WARM_UP_MS = 3_000;
const WINDOW_MS = 1_500;
/** How often the server's CPU time is read. */
const POLL_MS = 20;

interface Figure {
  readonly cpuMicros: number;
  readonly opsPerSecond: number;
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
  await writeResults(comparison.name, result);
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
  return { cpuMicros: micros / ops, opsPerSecond: (1_000 * ops) / ms };
}

/** Waits until the server has used `ms` of CPU time. Rejects if the load client failed. */
async function spend(server: ServerProcess, client: ServerProcess, ms: number): Promise<void> {
  const end = (await server.cpuMicros()) + 1_000 * ms;
  while ((await server.cpuMicros()) < end) {
    await setTimeout(POLL_MS);
    await client.ask("count");
  }
}

async function profile(server: ServerProcess, client: ServerProcess, name: string): Promise<void> {
  await server.ask("startProfile");
  await spend(server, client, WINDOW_MS);
  const { functions, packages } = await server.ask<Record<string, object[]>>("stopProfile");
  console.log(`\n${name}: where its time is spent`);
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
      "CPU µs per operation": spread(rounds.map((round) => round[at]!.cpuMicros)),
      "operations per second": Math.round(median(rounds.map((round) => round[at]!.opsPerSecond))),
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
