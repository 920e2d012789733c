/**
 * The faults of a soak, by machines, operators and other clients. Each one lasts until its promise
 * resolves, and leaves nothing behind. Jobs that a fault needs are in databases of its own.
 */
import { rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { storeTask } from "../../server/jobs.js";
import { ask, HttpConnection, type GraphqlRequest } from "../network/raw-http.js";
import { WsClient } from "../network/ws-client.js";
import { Program } from "../process/child-process.js";

export interface FaultContext {
  readonly url: string;
  readonly program: Program;
  /** The server's own process. */
  readonly pid: number;
  /** The server's data folder. */
  readonly folder: string;
  /** Sets the time of day of the server, by a shift such as "+1d" from the real one. */
  readonly setTime: (shift: string) => void;
  readonly random: () => number;
}

export interface Fault {
  readonly name: string;
  /** Whether the server ends by it, and must be started again. */
  readonly endsServer?: boolean;
  /** Whether the server may refuse requests meanwhile. */
  readonly mayRefuse?: boolean;
  /** Whether it fills the disk of the data folder. */
  readonly needsSmallDisk?: boolean;
  run(context: FaultContext): Promise<void>;
}

export const FAULTS: readonly Fault[] = [
  { name: "kill", endsServer: true, run: ({ pid }) => end(pid, "SIGKILL") },
  { name: "restart", endsServer: true, run: ({ pid }) => end(pid, "SIGTERM") },
  { name: "pause", run: pause },
  { name: "clock step", run: setClock },
  { name: "idle connections", mayRefuse: true, run: openIdleConnections },
  { name: "full disk", mayRefuse: true, needsSmallDisk: true, run: fillDisk },
  { name: "unread log", run: leaveLogUnread },
  { name: "foreign origins", run: sendForeignOrigins },
  { name: "large bodies", run: sendLargeBodies },
  { name: "large trees", mayRefuse: true, run: storeLargeTrees },
  { name: "purge", run: storeAndPurge },
  { name: "names", run: useManyNames },
  { name: "stuck readers", run: stopReading },
  { name: "reconnect storm", run: connectAtOnce },
  { name: "hung backup", run: hangBackup },
];

// eslint-disable-next-line require-await -- as all others
async function end(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
}

async function pause({ pid, random }: FaultContext): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await setTimeout(500 + random() * 3_000);
  process.kill(pid, "SIGCONT");
}

async function setClock({ setTime, random }: FaultContext): Promise<void> {
  const sign = random() < 0.5 ? "-" : "+";
  setTime(`${sign}${Math.ceil(random() * 48)}h`);
  await setTimeout(1_000);
}

/** More connections than the server may have descriptors. */
async function openIdleConnections({ url }: FaultContext): Promise<void> {
  const sockets = Array.from({ length: DESCRIPTORS_MAX }, () => idleSocket(url));
  await setTimeout(2_000);
  for (const socket of sockets) socket.destroy();
}

/** The most files and sockets that the server may open. */
export const DESCRIPTORS_MAX = 1_024;

function idleSocket(url: string): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {}); // the server may refuse it
  return socket;
}

async function fillDisk({ folder }: FaultContext): Promise<void> {
  const file = `${folder}/filler`;
  try {
    writeUntilFull(file);
    await setTimeout(2_000);
  } finally {
    rmSync(file, { force: true });
  }
}

function writeUntilFull(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(1_000_000), { flag: "a" });
  } catch {
    // it is full
  }
}

async function leaveLogUnread(context: FaultContext): Promise<void> {
  context.program.leaveOutputUnread(true);
  await sendForeignOrigins(context);
  context.program.leaveOutputUnread(false);
}

async function sendForeignOrigins({ url }: FaultContext): Promise<void> {
  using connection = new HttpConnection(url);
  const headers = { origin: "http://elsewhere.example", "content-type": "application/json" };
  const request = { method: "POST", headers, body: '{"query":"{ __typename }"}' };
  for (let sent = 0; sent < 2_000; sent++) await connection.request(request);
}

async function sendLargeBodies({ url }: FaultContext): Promise<void> {
  const bodies = [
    JSON.stringify({ query: "{ __typename }", extensions: { text: "x".repeat(900_000) } }),
    `{"query": ${"[".repeat(900_000)}`,
    JSON.stringify({ query: `{ ${"a".repeat(900_000)} }` }),
  ];
  const post = async (body: string): Promise<void> => {
    using connection = new HttpConnection(url);
    await connection.post(body).catch(() => {}); // a refusal may close the connection
  };
  await Promise.all(Array.from({ length: 48 }, (_, at) => post(bodies[at % bodies.length]!)));
}

/** Stores trees of 10,000 tasks until one is refused, but at most 60, then purges them. */
async function storeLargeTrees({ url }: FaultContext): Promise<void> {
  const subTasks = Array.from({ length: 9_999 }, (_, at) => ({ description: `part ${at}`, volume: 10 }));
  const task = { description: "large", subTasks };
  for (let stored = 0; stored < 60; stored++) {
    const { errors } = await ask(url, storeTask({ database: "hostile", jobId: `job-${stored}`, task }));
    if (errors) break;
  }
  await purge(url, "hostile");
}

async function storeAndPurge({ url }: FaultContext): Promise<void> {
  const store = async (lane: number): Promise<void> => {
    using connection = new HttpConnection(url);
    for (let at = 0; at < 500; at++) {
      await connection.post(storeTask({ database: "purged", jobId: `job-${lane}-${at}` }));
    }
  };
  await Promise.all(Array.from({ length: 4 }, (_, lane) => store(lane)));
  await purge(url, "purged");
}

async function useManyNames({ url, random }: FaultContext): Promise<void> {
  const round = Math.floor(random() * 2 ** 31);
  for (let at = 0; at < 20; at++) {
    const database = `name-${round}-${at}`;
    await ask(url, storeTask({ database }));
    await purge(url, database);
  }
}

function purge(url: string, database: string): Promise<unknown> {
  return ask(url, { query: PURGE, variables: { database } });
}

const PURGE = `mutation ($database: String!) { purgeDatabase(database: $database) { removed } }`;

const EVENTS: GraphqlRequest = {
  query: `subscription { taskEvents(database: "bulk") { __typename position ... on TaskUpdated { userTask { tasks { path description } } } } }`,
};

async function stopReading({ url }: FaultContext): Promise<void> {
  const readers = await Promise.all(Array.from({ length: 20 }, () => WsClient.connect(url)));
  for (const reader of readers) {
    reader.subscribe(EVENTS);
    reader.socket.pause();
  }
  await setTimeout(3_000);
  for (const reader of readers) reader.socket.terminate();
}

async function connectAtOnce({ url }: FaultContext): Promise<void> {
  const watch = async (): Promise<void> => {
    using watcher = await WsClient.connect(url);
    await watcher.subscribe(EVENTS).next();
  };
  await Promise.all(Array.from({ length: 200 }, watch));
}

/** A backup that stops in the middle, and is then killed. */
async function hangBackup({ folder, random }: FaultContext): Promise<void> {
  const target = `${folder}-backup-${Math.floor(random() * 2 ** 31)}`;
  const backup = Program.node(["dist/main.js", "backup", `lmdb:${folder}`, target]);
  try {
    await setTimeout(300 + random() * 300);
    backup.signal("SIGSTOP");
    await setTimeout(2_000);
    backup.signal("SIGKILL");
    await backup.exited;
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}
