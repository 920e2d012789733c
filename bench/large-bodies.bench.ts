/**
 * Large HTTP bodies: the server's CPU time for one of 1 MB, by its content, and the slowest of the `/health` requests while
 * 64 of them arrive at once. The ratio compares with a plain body in the same round.
 *
 *     npm run bench -- large-bodies --rounds 3
 *
 * Results (Node 20.20, 2 shared cores under heavy other load, median of 3 to 5 rounds; the client that sends 64 MB shares
 * them), and in brackets without the scan of `util/json-bytes.ts` and the fair turns of `util/turn-queue.ts`:
 *
 *     body               CPU ms        to plain       slowest /health, ms
 *     plain              3.7           1              151  (415)
 *     with extensions    3.6           0.99           164  (290)
 *     cut off            3.6           1.01           172  (550)
 *     nested lists       1.7  (64.6)   0.45  (11.5)   182  (517)
 *     nested objects     1.1  (15.1)   0.27  (2.4)    110  (240)
 *     open brackets      0.9  (41.0)   0.26  (6.6)    117  (624)
 */
import { Agent, request } from "node:http";
import { median, rounded, whileRepeating } from "./repeat.js";
import { rotated, ROUNDS } from "./rounds.js";
import { ServerProcess } from "./server-process.js";

const BYTES = 1_000_000;
const ALONE = 40;
const TOGETHER = 64;

const QUERY = "{ __typename }";
const variables = {
  jobs: Array.from({ length: 6_000 }, (_, id) => ({ id, text: "x".repeat(120), counts: [1, 2, 3] })),
};
const plain = JSON.stringify({ query: QUERY, variables });

const BODIES: Readonly<Record<string, string>> = {
  plain,
  "with extensions": JSON.stringify({ query: QUERY, variables, extensions: {} }),
  "cut off": plain.slice(0, -1),
  "nested lists": `{"query":"${QUERY}","variables":{"a":${"[".repeat(BYTES / 2)}${"]".repeat(BYTES / 2 - 100)}}}`,
  "nested objects": `{"query":"${QUERY}","variables":${'{"a":'.repeat(BYTES / 7)}1${"}".repeat(BYTES / 7)}}`,
  "open brackets": "[".repeat(BYTES),
};

const results = Object.keys(BODIES).map((name) => ({
  name,
  cpuMs: [] as number[],
  ratio: [] as number[],
  healthMs: [] as number[],
}));
await using server = await ServerProcess.start("tidemark.mjs");
const bodies = new Agent({ keepAlive: true });
const health = new Agent({ keepAlive: true });
for (let round = 0; round <= ROUNDS; round++) await play(round);
bodies.destroy();
health.destroy();
console.table(
  results.map(({ name, cpuMs, ratio, healthMs }) => ({
    body: name,
    "CPU ms": rounded(median(cpuMs)),
    "to plain": rounded(median(ratio), 2),
    "slowest /health, ms": Math.round(median(healthMs)),
  })),
);

/** Round 0 warms up. */
async function play(round: number): Promise<void> {
  const cpu = new Map<string, number>();
  for (const { name, healthMs } of rotated(results, round)) {
    cpu.set(name, await cpuMsOf(BODIES[name]!));
    const { times } = await whileRepeating(
      () => ask("/health", health),
      () => Promise.all(Array.from({ length: TOGETHER }, () => ask("/graphql", bodies, BODIES[name]))),
    );
    if (round > 0) healthMs.push(Math.max(...times));
  }
  if (round === 0) return;
  for (const { name, cpuMs, ratio } of results) {
    cpuMs.push(cpu.get(name)!);
    ratio.push(cpu.get(name)! / cpu.get("plain")!);
  }
}

async function cpuMsOf(body: string): Promise<number> {
  const before = await server.cpuMicros();
  for (let count = 0; count < ALONE; count++) await ask("/graphql", bodies, body);
  return ((await server.cpuMicros()) - before) / ALONE / 1_000;
}

function ask(path: string, agent: Agent, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = { "Content-Type": "application/json" };
    request(`${server.url}${path}`, { method, agent, headers }, (response) => {
      response.resume().once("end", resolve).once("error", reject);
    })
      .once("error", reject)
      .end(body);
  });
}
