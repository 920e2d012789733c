import { describe, expect, it } from "vitest";
import { startServer } from "../kit/server/server.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { removeTask, storeTask, type StoreJobInput } from "./jobs.js";
import { CHANGING_TRANSPORTS, OVER_SSE, OVER_WEBSOCKET, type TransportClient } from "./transports.js";

/** Names that break objects, file systems, shells, browsers or composite keys. */
const NAMES = [
  ["__proto__", "constructor", "prototype", "tostring", "hasownproperty", "then", "length", "null", "0"],
  [
    "..",
    "../../etc/passwd",
    "a/b",
    "c:\\con",
    "a\\b",
    "%00",
    "%2e%2e",
    "a\u200b",
    "\u202egnp.exe",
    "\ufeffa",
  ],
  [
    "'; drop table jobs; --",
    "${7*7}",
    "<script>alert(1)</script>",
    '"',
    "*",
    "?",
    "a:b",
    "a|b",
    "a,b",
    " a ",
  ],
  ["x".repeat(128), "é".repeat(64)],
].flat();

/** Pairs of user and job id that collide if they are joined by a character that they contain. */
const PAIRS = ["/", ":", "|", ",", ".", " ", "", '","', "\u200b"].flatMap((separator) => [
  { username: "a", jobId: `b${separator}c` },
  { username: `a${separator}b`, jobId: "c" },
]);

const JOBS: readonly StoreJobInput[] = [
  ...NAMES.map((name) => ({ database: name, username: name, jobId: name })),
  ...PAIRS.map((pair) => ({ database: "pairs", ...pair })),
];

/** Removes every second job. */
const REMOVED = JOBS.filter((_, at) => isRemoved(at));

/** Each transport; one with a durable journal, since files have names too. */
const WAYS = [
  ...CHANGING_TRANSPORTS.map((transport) => ({ ...transport, store: "memory", storeOf: () => "memory:" })),
  { ...CHANGING_TRANSPORTS[0], store: "a folder", storeOf: () => `lmdb:${temporaryFolder()}` },
];

describe("Hostile names", () => {
  it.each(WAYS)("work like any other over $name with the store $store", async ({ connect, storeOf }) => {
    const before = Reflect.ownKeys(Object.prototype);
    await using server = await startServer({ store: storeOf() });
    using client = await connect(server.url);

    for (const [at, job] of JOBS.entries())
      await succeeds(client, storeTask({ ...job, task: { description: `job ${at}` } }));
    const stored = await shownBy(client);
    for (const job of REMOVED) await succeeds(client, removeTask(job));
    const left = await shownBy(client);

    expect(stored).toEqual(JOBS.map((__, at) => `job ${at}`));
    expect(left).toEqual(stored.map(unlessRemoved));
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
  });

  it.each([OVER_SSE, OVER_WEBSOCKET])("can be watched like any other over $name", async ({ watch }) => {
    await using server = await startServer();
    using client = await CHANGING_TRANSPORTS[0].connect(server.url);
    const seen: unknown[] = [];

    for (const name of NAMES) {
      using watcher = await watch(server.url, { query: COUNT, variables: { name } });
      seen.push(await watcher.next());
      await succeeds(client, storeTask({ database: name, username: name, jobId: name }));
      seen.push(await watcher.next());
    }

    expect(seen).toEqual(NAMES.flatMap(() => [{ data: { taskCount: 0 } }, { data: { taskCount: 1 } }]));
  });
});

function isRemoved(at: number): boolean {
  return at % 2 === 0;
}

function unlessRemoved(description: string | undefined, at: number): string | undefined {
  return isRemoved(at) ? undefined : description;
}

const COUNT = "subscription ($name: String!) { taskCount(database: $name, username: $name) }";

const DESCRIPTION = `query ($database: String!, $username: String!, $jobId: ID!) {
  task(database: $database, username: $username, jobId: $jobId) { task { description } }
}`;

/** The description of each job; undefined if it does not exist. */
async function shownBy(client: TransportClient): Promise<(string | undefined)[]> {
  const shown: (string | undefined)[] = [];
  for (const job of JOBS) {
    const { task } = (await succeeds(client, { query: DESCRIPTION, variables: { ...job } })) as Shown;
    shown.push(task?.task.description);
  }
  return shown;
}

interface Shown {
  readonly task: { readonly task: { readonly description: string } } | null;
}

async function succeeds(client: TransportClient, request: Parameters<TransportClient["ask"]>[0]) {
  const { data, errors } = await client.ask(request);
  expect(errors).toBeUndefined();
  return data;
}
