/**
 * The effect of a snapshot of 100,000 jobs of 20 tasks on others: the longest stall of the server's event loop, the
 * duration of a write, and the latency of a live subscriber, without a snapshot and while one is sent. The server has its
 * own process. Snapshots go over a real socket of each transport, for all jobs, for one user and for one job.
 *
 *     npm run bench -- snapshot
 *
 * Results (Node 20, 2 shared cores, one of which runs the clients; 0.9 GB of jobs; medians of write and delivery):
 *
 *     snapshot                        seconds  stall ms  of which gc  write ms  delivery ms
 *     none                                  3       9.5          9         2.6          3.0
 *     all, WebSocket                      5.0        18         12         6.8          9.7
 *     trees, WebSocket                     24        20         16          14           17
 *     one job id, WebSocket               0.1        11          6         6.1           11
 *     one user, WebSocket                 0.0         6          0         5.3          7.6
 *     all, server-sent events             6.8        17         13         5.7          8.7
 *     trees, server-sent events            20        19          9          13           16
 *     one job id, server-sent events      0.1        10          7         5.9           11
 *     one user, server-sent events        0.0         6          0         1.9          6.5
 *
 * So the event loop never stalls for 50 ms. Earlier versions stalled for 100 to 240 ms, because they shared results through
 * a WeakMap (V8 promotes its values, and then had 1.5 GB to collect), searched for ended jobs in one go, and did not count
 * the time of writes when they limited a pull.
 */
import { setTimeout } from "node:timers/promises";
import { MeasuredServer } from "../test/kit/server/measured-server.js";
import { GraphqlClient } from "../test/kit/network/graphql-client.js";
import { dataOf } from "../test/kit/network/raw-http.js";
import { OVER_SSE, OVER_WEBSOCKET, type Watcher, type WatchTransport } from "../test/server/transports.js";
import { nextEvent, taskEvents } from "../test/server/task-events.js";
import { median, rounded, timeOf, whileRepeating } from "./repeat.js";

const JOBS = 100_000;
const TASKS = 20;
const USERS = 1_000;
const SUMMARY = `subscription ($database: String!, $username: String, $jobId: ID, $after: Position) {
  taskEvents(database: $database, username: $username, jobId: $jobId, after: $after) {
    kind: __typename position
    ... on TaskStored { userTask { username jobId task { status progress { percent } } } }
    ... on TaskUpdated { userTask { username jobId task { status progress { percent } } } }
  }
}`;

interface Row {
  readonly snapshot: string;
  readonly seconds: number;
  readonly events: number;
  readonly "stall ms": number;
  readonly "of which gc": number;
  readonly "write ms": number;
  readonly "delivery ms": number;
}

await using server = await MeasuredServer.start();
await server.storeJobs({ database: "big", users: USERS, jobs: JOBS, tasks: TASKS });
await server.memory(); // collects the garbage of storing them
for (const transport of [OVER_WEBSOCKET, OVER_SSE]) await measure("warm-up", () => snapshot(transport, {}));

const rows: Row[] = [await measure("none", () => setTimeout(3_000).then(() => 0))];
for (const transport of [OVER_WEBSOCKET, OVER_SSE]) {
  rows.push(await measure(`all, ${transport.name}`, () => snapshot(transport, {})));
  rows.push(await measure(`trees, ${transport.name}`, () => wholeTrees(transport)));
  rows.push(await measure(`one job id, ${transport.name}`, () => snapshot(transport, { jobId: "job77777" })));
  rows.push(await measure(`one user, ${transport.name}`, () => snapshot(transport, { username: "user77" })));
}
console.table(rows);

/** Measures writes, deliveries and the event loop while `work` runs. */
async function measure(name: string, work: () => Promise<number>): Promise<Row> {
  using live = await liveWatcher();
  const writes: number[] = [];
  const reportAndSee = async (): Promise<void> => {
    const next = nextEvent(live);
    writes.push(await timeOf(report));
    await next;
  };
  await server.stall();
  const began = performance.now();
  const { result: events, times: deliveries } = await whileRepeating(reportAndSee, work);
  const seconds = (performance.now() - began) / 1_000;
  const stall = await server.stall();
  return {
    snapshot: name,
    seconds: rounded(seconds),
    events,
    "stall ms": rounded(stall.ms),
    "of which gc": rounded(stall.collectedMs),
    "write ms": rounded(median(writes)),
    "delivery ms": rounded(median(deliveries)),
  };
}

async function liveWatcher(): Promise<Watcher> {
  const client = new GraphqlClient(server.url);
  const { tasks } = await client.data<{ tasks: { position: string } }>(
    `{ tasks(database: "big", first: 1) { position } }`,
  );
  const variables = { database: "big", username: "user1", jobId: "job1", after: tasks.position };
  const live = await OVER_WEBSOCKET.watch(server.url, { query: SUMMARY, variables });
  await nextEvent(live);
  return live;
}

async function report(): Promise<void> {
  await dataOf(
    server.url,
    `mutation { updateTask(input: { database: "big", username: "user1", jobId: "job1", updates: [{ path: "0", add: 1 }] }) { userTask { version } } }`,
  );
}

function snapshot(transport: WatchTransport, filter: object): Promise<number> {
  return untilCaughtUp(transport, { query: SUMMARY, variables: { database: "big", ...filter } });
}

function wholeTrees(transport: WatchTransport): Promise<number> {
  return untilCaughtUp(transport, taskEvents({ database: "big" }));
}

async function untilCaughtUp(
  transport: WatchTransport,
  operation: Parameters<WatchTransport["watch"]>[1],
): Promise<number> {
  using watcher = await transport.watch(server.url, operation);
  let events = 1;
  while ((await nextEvent(watcher)).kind !== "CaughtUp") events++;
  return events;
}
