/**
 * 2,000 watchers lose their connections at once, miss changes of 100 jobs, and resume at once while a writer continues.
 * Measured are the time until all have caught up, the events they receive, the longest stall of the server's event loop,
 * and the duration of a write. Watchers without a position, which receive the whole state, are measured for comparison.
 *
 *     npm run bench -- restart-storm
 *
 * Results (Node 20, 2 shared cores, one of which runs the clients):
 *
 *     watchers                seconds  cpu s  events   resets  stall ms  of which gc  write ms
 *     none                          2    0.7        0       0         9            6       2.8
 *     2,000 with a position        11   10.9  224,732       0       129           25       7.0
 *     200 without a position      8.8    8.8  200,745     200        15            8       4.9
 *
 * A resume costs as much as the missed changes: here a tenth of a snapshot, so ten times as many watchers are served in
 * the same time. The stall comes from 2,000 handshakes at once, not from the events.
 */
import { setTimeout } from "node:timers/promises";
import { MeasuredServer } from "../test/kit/server/measured-server.js";
import { dataOf } from "../test/kit/network/raw-http.js";
import { WsClient } from "../test/kit/network/ws-client.js";
import { median, rounded, whileRepeating } from "./repeat.js";

const WATCHERS = 2_000;
const JOBS = 1_000;
const MISSED = 100;
const EVENTS = `subscription ($after: Position) { taskEvents(database: "d", after: $after) {
  kind: __typename position
  ... on TaskStored { userTask { jobId task { status progress { percent } } } }
  ... on TaskUpdated { userTask { jobId task { status progress { percent } } } }
} }`;

await using server = await MeasuredServer.start();
await server.storeJobs({ database: "d", users: 1, jobs: JOBS, tasks: 20 });
const { tasks } = await dataOf<{ tasks: { position: string } }>(
  server.url,
  `{ tasks(database: "d", first: 1) { position } }`,
);
await server.report(MISSED, { add: 1 });

console.table([
  await storm("none", 0, undefined),
  await storm("2,000 with a position", WATCHERS, tasks.position),
  await storm("200 without a position", WATCHERS / 10, undefined),
]);

/** Connects all watchers at once and waits until each has caught up. */
async function storm(watchers: string, count: number, after: string | undefined): Promise<object> {
  await server.stall();
  const cpu = await server.cpuMs();
  const began = performance.now();
  const { result: kinds, times } = await whileRepeating(
    () => server.report(1, { add: 1 }),
    () => resumeAll(count, after),
  );
  const seconds = (performance.now() - began) / 1_000;
  const cpuMs = (await server.cpuMs()) - cpu;
  const stall = await server.stall();
  return {
    watchers,
    seconds: rounded(seconds),
    "cpu s": rounded(cpuMs / 1_000),
    events: kinds.length,
    resets: kinds.filter((kind) => kind === "Reset").length,
    "stall ms": rounded(stall.ms),
    "of which gc": rounded(stall.collectedMs),
    "write ms": rounded(median(times)),
  };
}

async function resumeAll(count: number, after: string | undefined): Promise<string[]> {
  if (count === 0) await setTimeout(2_000);
  return (await Promise.all(Array.from({ length: count }, () => resume(after)))).flat();
}

/** Resolves with the kinds of the events up to CaughtUp. */
async function resume(after: string | undefined): Promise<string[]> {
  using client = await WsClient.connect(server.url);
  const operation = client.subscribe({ query: EVENTS, variables: { after } });
  const kinds: string[] = [];
  while (kinds.at(-1) !== "CaughtUp") {
    const { data } = await operation.next();
    kinds.push((data as { taskEvents: { kind: string } }).taskEvents.kind);
  }
  return kinds;
}
