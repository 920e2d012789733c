/**
 * A server as on a working day: jobs of several people that run, wait, or have ended well or badly. For
 * screenshots and for trying the dashboard.
 */
import { storeTask, updateTask } from "../../server/jobs.js";
import { ManualClock } from "../deterministic/manual-clock.js";
import { HttpConnection, graphqlResultOf } from "../network/raw-http.js";
import { startServer, type TestServer } from "../server/server.js";
import { untilIdle } from "../deterministic/turns.js";

export interface DemoServer extends AsyncDisposable {
  readonly server: TestServer;
  /** Stands at the viewer's present; all reports so far lie in the past. */
  readonly clock: ManualClock;
}

/** A job with one leaf a part; all parts progress evenly. */
interface DemoJob {
  readonly username: string;
  readonly jobId: string;
  readonly name: string;
  /** Description and volume of each part; a volume of 0 is unknown. */
  readonly parts: readonly (readonly [description: string, volume: number])[];
  /** Milliseconds before now. */
  readonly beganAgo: number;
  /** When the latest report arrived, milliseconds before now. */
  readonly heardAgo?: number;
  /** Progress by then, 0 to 1. */
  readonly share: number;
  readonly end?: "FINISHED" | "FAILED" | "CANCELED";
  readonly message?: string;
  readonly database?: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const DEMO_JOBS: readonly DemoJob[] = [
  {
    username: "alice",
    jobId: "wiki-2024-06",
    name: "Import Wikipedia links",
    parts: [
      ["Read archive", 61_400_000],
      ["Resolve titles", 18_200_000],
      ["Write relationships", 184_000_000],
    ],
    beganAgo: 47 * MINUTE,
    share: 0.62,
    message: "enwiki-links-0412.gz",
  },
  {
    username: "alice",
    jobId: "pagerank-nightly",
    name: "PageRank on links",
    parts: [
      ["Load graph", 24_000_000],
      ["Iterate", 480_000_000],
    ],
    beganAgo: 6 * MINUTE,
    share: 0.31,
  },
  {
    username: "mira",
    jobId: "embeddings-v7",
    name: "Train node embeddings",
    parts: [
      ["Sample walks", 2_400_000],
      ["Train", 90_000],
    ],
    beganAgo: 3 * HOUR - MINUTE,
    share: 0.87,
    message: "loss 0.0412",
  },
  {
    username: "jonas",
    jobId: "backup-eu",
    name: "Back up eu-central",
    parts: [["Copy segments", 0]],
    beganAgo: 12 * MINUTE,
    share: 0.4,
    message: "segment 00417",
  },
  {
    username: "jonas",
    jobId: "reindex-products",
    name: "Rebuild the product index",
    parts: [
      ["Scan", 3_100_000],
      ["Write", 3_100_000],
    ],
    beganAgo: 22 * MINUTE,
    heardAgo: 3 * MINUTE,
    share: 0.48,
    end: "FAILED",
    message: "ENOSPC: no space left on device while writing products-17.idx",
  },
  {
    username: "mira",
    jobId: "louvain-42",
    name: "Louvain communities",
    parts: [
      ["Load graph", 9_000_000],
      ["Modularity", 9_000_000],
    ],
    beganAgo: 65 * MINUTE,
    heardAgo: 11 * MINUTE,
    share: 0.71,
  },
  {
    username: "wei",
    jobId: "migrate-schema-118",
    name: "Migrate schema 117 to 118",
    parts: [["Copy rows", 12_400_000]],
    beganAgo: 31 * MINUTE,
    heardAgo: 80 * SECOND,
    share: 0.93,
  },
  {
    username: "wei",
    jobId: "dedupe-addresses",
    name: "Deduplicate addresses",
    parts: [["Compare", 1_250_000]],
    beganAgo: 4 * MINUTE,
    share: 0.12,
  },
  {
    username: "alice",
    jobId: "export-parquet",
    name: "Export to Parquet",
    parts: [
      ["people", 800_000],
      ["orders", 5_200_000],
    ],
    beganAgo: 9 * MINUTE,
    share: 0.55,
  },
  {
    username: "sofia",
    jobId: "thumbnails-0611",
    name: "Render thumbnails",
    parts: [["Render", 41_200]],
    beganAgo: 90 * SECOND,
    share: 0.08,
  },
  {
    username: "sofia",
    jobId: "transcode-keynote",
    name: "Transcode keynote.mov",
    parts: [
      ["1080p", 216_000],
      ["720p", 216_000],
    ],
    beganAgo: 17 * MINUTE,
    share: 0.78,
  },
  {
    username: "sofia",
    jobId: "thumbnails-0610",
    name: "Render thumbnails",
    parts: [["Render", 39_800]],
    beganAgo: 100 * MINUTE,
    heardAgo: 58 * MINUTE,
    share: 1,
    end: "FINISHED",
  },
  {
    username: "mira",
    jobId: "embeddings-v6",
    name: "Train node embeddings",
    parts: [
      ["Sample walks", 2_400_000],
      ["Train", 90_000],
    ],
    beganAgo: 170 * MINUTE,
    heardAgo: 130 * MINUTE,
    share: 0.35,
    end: "CANCELED",
    message: "learning rate was wrong",
  },
  {
    username: "alice",
    jobId: "wiki-2024-05",
    name: "Import Wikipedia links",
    parts: [
      ["Read archive", 60_100_000],
      ["Write relationships", 181_000_000],
    ],
    beganAgo: 175 * MINUTE,
    heardAgo: 95 * MINUTE,
    share: 1,
    end: "FINISHED",
  },
  {
    username: "jonas",
    jobId: "backup-us",
    name: "Back up us-east",
    parts: [["Copy segments", 52_100]],
    beganAgo: 80 * MINUTE,
    heardAgo: 52 * MINUTE,
    share: 1,
    end: "FINISHED",
  },
  {
    username: "wei",
    jobId: "vacuum-events",
    name: "Vacuum events",
    parts: [["Vacuum", 7_730]],
    beganAgo: 40 * MINUTE,
    heardAgo: 33 * MINUTE,
    share: 1,
    end: "FINISHED",
  },
  {
    username: "jonas",
    jobId: "backup-ap",
    name: "Back up ap-south",
    parts: [["Copy segments", 48_000]],
    beganAgo: 2 * MINUTE,
    share: 0,
  },
  {
    username: "sofia",
    jobId: "transcode-outtakes",
    name: "Transcode outtakes",
    parts: [["720p", 98_000]],
    beganAgo: MINUTE,
    share: 0,
  },
  {
    username: "ci",
    jobId: "build-8812",
    name: "Build and test",
    parts: [
      ["Compile", 412],
      ["Test", 1_877],
    ],
    beganAgo: 5 * MINUTE,
    share: 0.66,
    database: "builds",
  },
  {
    username: "ci",
    jobId: "build-8811",
    name: "Build and test",
    parts: [
      ["Compile", 412],
      ["Test", 1_877],
    ],
    beganAgo: 25 * MINUTE,
    heardAgo: 16 * MINUTE,
    share: 0.8,
    end: "FAILED",
    message: "3 tests failed",
    database: "builds",
  },
  {
    username: "ml",
    jobId: "tokenize-c4",
    name: "Tokenize C4",
    parts: [["Tokenize", 365_000_000]],
    beganAgo: 88 * MINUTE,
    share: 0.23,
    database: "training",
  },
];

/** Stores and reports all jobs up to now. */
export async function openDemoServer(flags: Readonly<Record<string, unknown>> = {}): Promise<DemoServer> {
  const now = Date.now();
  const clock = new ManualClock(now - 3 * HOUR);
  const server = await startServer(flags, { clock });
  using connection = new HttpConnection(server.url);
  const acts = DEMO_JOBS.flatMap(requestsOf).toSorted((one, other) => other.ago - one.ago);
  for (const { ago, request } of acts) {
    clock.advance(Math.max(0, now - ago - clock.now()));
    const { errors } = graphqlResultOf(await connection.post(request));
    if (errors) throw new Error(`The scene is wrong: ${JSON.stringify(errors)}`);
  }
  clock.advance(now - clock.now());
  await untilIdle();
  return { server, clock, [Symbol.asyncDispose]: () => server.close() };
}

interface TimedRequest {
  readonly ago: number;
  readonly request: ReturnType<typeof storeTask>;
}

function requestsOf(actor: DemoJob): TimedRequest[] {
  const { parts, name, beganAgo, heardAgo = 500, share, database = "production" } = actor;
  const key = { database, username: actor.username, jobId: actor.jobId };
  const subTasks = parts.map(([description, volume]) => ({ description, ...(volume > 0 && { volume }) }));
  const task = { description: name, subTasks, maxConcurrency: 4 };
  const store = storeTask({ ...key, task, memory: { minBytes: 3 * 2 ** 30, maxBytes: 5 * 2 ** 30 } });
  const spanMs = beganAgo - heardAgo;
  const times = share === 0 ? [] : reportTimes(spanMs);
  const reports = times.map((ms) => ({
    ago: beganAgo - ms,
    request: updateTask({ ...key, updates: updatesAt(actor, (share * ms) / spanMs) }),
  }));
  return [{ ago: beganAgo + SECOND, request: store }, ...reports, ...endOf(actor, key, heardAgo)];
}

/** Instants of reports: a few over the run and many at the end, because a rate covers the latest minute. */
function reportTimes(spanMs: number): number[] {
  const seldom = Array.from({ length: 8 }, (_, index) => (spanMs * (index + 1)) / 10);
  const often = Array.from({ length: 8 }, (_, index) => spanMs - (7 - index) * 8 * SECOND);
  return [...seldom, ...often].filter((ms) => ms > 0).toSorted((one, other) => one - other);
}

/** Updates for parts that run one after the other, in proportion to their volumes. */
function updatesAt({ parts, message }: DemoJob, share: number): object[] {
  const total = parts.reduce((sum, [, volume]) => sum + (volume || UNKNOWN), 0);
  let done = Math.floor(share * total);
  const updates: object[] = message ? [{ path: "", message }] : [];
  for (const [index, [, volume]] of parts.entries()) {
    if (done <= 0) break;
    const size = volume || UNKNOWN;
    const isDone = done >= size && index < parts.length - 1;
    updates.push({ path: String(index), done: Math.min(done, size), ...(isDone && { status: "FINISHED" }) });
    done -= size;
  }
  return updates;
}

/** The real volume of a part whose volume is unknown to the server. */
const UNKNOWN = 60_000;

function endOf({ end, message }: DemoJob, key: object, ago: number): TimedRequest[] {
  if (!end) return [];
  const log = [{ level: end === "FAILED" ? "ERROR" : "INFO", message: message ?? "Done" }];
  const updates = [{ path: "", status: end, ...(message && { message }) }];
  return [{ ago: ago - 1, request: updateTask({ ...key, updates, log }) }];
}
