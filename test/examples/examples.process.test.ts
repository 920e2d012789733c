import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { ask, dataOf } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { requestCancel, store } from "../server/jobs.js";
import { OVER_WEBSOCKET, type Watcher } from "../server/transports.js";

describe("The example checksum", () => {
  it("prints the SHA-256 of every file, by path, as sha256sum does", async () => {
    await using server = await startServer();
    await using folder = await createFolder(FILES);
    await using example = runExample("checksum", server, folder.path);

    const { code } = await example.exited;

    const paths = Object.keys(FILES)
      .map((name) => join(folder.path, name))
      .toSorted();
    expect(example.out).toEqual(
      paths.map((path) => checksumLine(FILES[path.slice(folder.path.length + 1)]!, path)),
    );
    expect(code).toBe(0);
    expect(example.err).toEqual([
      expect.stringMatching(/^Watch it at http:.*\?database=examples&job=checksum$/),
    ]);
  });

  it("finishes with 100 %, and has counted files and bytes", async () => {
    await using server = await startServer();
    await using folder = await createFolder(FILES);
    await using example = runExample("checksum", server, folder.path);

    await example.exited;
    const { tasks, task } = await jobOf(server, "checksum");

    const bytes = Object.values(FILES).reduce((total, content) => total + content.length, 0);
    expect(task).toMatchObject({ status: "FINISHED", progress: { ratio: 1, percent: "100%" } });
    expect(tasks.map(({ description, status, progress }) => [description, status, progress.done])).toEqual([
      ["Checksum", "FINISHED", bytes + Object.keys(FILES).length],
      ["walk", "FINISHED", Object.keys(FILES).length],
      ["hash", "FINISHED", bytes],
    ]);
  });

  it("shows its progress to a watcher", async () => {
    await using server = await startServer();
    await using folder = await createFolder(FILES);
    using watcher = await watchJob(server, "checksum");
    await using example = runExample("checksum", server, folder.path, "--delay-ms", "20");

    const seen = await watchToTheEnd(watcher);
    await example.exited;

    expect(ratiosOf(seen).filter(isHalfWay).length).toBeGreaterThan(0);
    expect(doneOf(seen)).toEqual(doneOf(seen).toSorted((a, b) => a - b));
    expect(seen.map(({ task }) => task.status)).toEqual(
      expect.arrayContaining(["PENDING", "RUNNING", "FINISHED"]),
    );
    expect(ratiosOf(seen).at(-1)).toBe(1);
  });

  it("fails with the reason when it can't read the folder", async () => {
    await using server = await startServer();
    await using example = runExample("checksum", server, join(PROJECT, "no-such-folder"));

    const { code } = await example.exited;

    expect(await jobOf(server, "checksum")).toMatchObject({
      task: { status: "FAILED", message: expect.stringContaining("ENOENT") },
    });
    expect([code, example.out]).toEqual([1, []]);
    expect(example.err.join("\n")).toContain("ENOENT");
  });

  it("is canceled by SIGINT, and exits with 130", async () => {
    await using server = await startServer();
    await using folder = await createFolder(MANY_FILES);
    using watcher = await watchJob(server, "checksum");
    await using example = runExample("checksum", server, folder.path, "--delay-ms", "50");
    await watchUntilRunning(watcher);

    example.signal("SIGINT");
    const { code } = await example.exited;

    expect(await jobOf(server, "checksum")).toMatchObject({
      task: { status: "CANCELED", message: expect.stringContaining("SIGINT") },
    });
    expect(code).toBe(130);
    expect(example.out.length).toBeLessThan(Object.keys(MANY_FILES).length);
  });

  it("prints its usage and exits with 2 for an invalid command line", async () => {
    await using server = await startServer();
    await using example = runExample("checksum", server);

    expect((await example.exited).code).toBe(2);
    expect(example.err.join("\n")).toContain("Usage:");
  });
});

describe("The example pagerank", () => {
  it.concurrent("does its work when the server is unreachable, and prints what to do", async () => {
    const server = await startServer();
    await server.close();
    await using example = runExample("pagerank", server);

    expect((await example.exited).code).toBe(0);
    expect(example.err.join("\n")).toContain("npx tidemark");
    expect(example.out).toHaveLength(21);
  });

  it.concurrent("prints the packages of the lock file with the highest PageRank, highest first", async () => {
    await using server = await startServer();
    await using example = runExample("pagerank", server);

    const { code } = await example.exited;

    const scores = pageRanks(readGraph());
    const rows = example.out.slice(1).map((line) => line.trim().split(/ {2,}/));
    const printed = rows.map(([, name = "", score]) => ({ name, score: Number(score) }));
    const inOrder = printed.toSorted((left, right) => right.score - left.score);
    const others = [...scores].filter(([name]) => !printed.some((row) => row.name === name));
    expect(code).toBe(0);
    expect(rows.map(([rank]) => Number(rank))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(printed).toEqual(inOrder);
    expect(printed.map(({ name, score }) => Math.abs(score - scores.get(name)!) < ROUNDING)).not.toContain(
      false,
    );
    expect(Math.max(...others.map(([, score]) => score))).toBeLessThan(printed.at(-1)!.score + ROUNDING);
  });

  it.concurrent("finishes with 100 % before its last iteration, because it has converged", async () => {
    await using server = await startServer();
    await using example = runExample("pagerank", server);

    await example.exited;
    const { task, tasks } = await jobOf(server, "pagerank");

    const iterate = tasks.find(({ description }) => description === "iterate");
    expect(task).toMatchObject({ status: "FINISHED", progress: { ratio: 1, percent: "100%" } });
    expect(iterate).toMatchObject({ status: "FINISHED", mode: "DYNAMIC", maxIterations: 50 });
    expect(iterate?.currentIteration).toBeGreaterThan(5);
    expect(iterate?.currentIteration).toBeLessThan(50);
    expect(new Set(tasks.map(({ status }) => status))).toEqual(new Set(["FINISHED", "CANCELED"]));
  });

  it("shows its progress to a watcher", async () => {
    await using server = await startServer();
    using watcher = await watchJob(server, "pagerank");
    await using example = runExample("pagerank", server, "--delay-ms", "20");

    const seen = await watchToTheEnd(watcher);
    await example.exited;

    expect(ratiosOf(seen).filter(isHalfWay).length).toBeGreaterThan(0);
    expect(doneOf(seen)).toEqual(doneOf(seen).toSorted((a, b) => a - b));
    expect(seen.map(({ task }) => task.status)).toEqual(
      expect.arrayContaining(["PENDING", "RUNNING", "FINISHED"]),
    );
    expect(ratiosOf(seen).at(-1)).toBe(1);
  });

  it("stops at a cancel request", async () => {
    await using server = await startServer();
    using watcher = await watchJob(server, "pagerank");
    await using example = runExample("pagerank", server, "--delay-ms", "50");
    await watchUntilRunning(watcher);

    await ask(server.url, requestCancel({ ...JOB, jobId: "pagerank" }));
    const { code } = await example.exited;

    expect(await jobOf(server, "pagerank")).toMatchObject({
      task: { status: "CANCELED", message: expect.stringContaining("anonymous") },
    });
    expect(code).toBe(1);
  });

  it("stops when another worker takes over the job, and does not change that job", async () => {
    await using server = await startServer();
    using watcher = await watchJob(server, "pagerank");
    await using example = runExample("pagerank", server, "--delay-ms", "50");
    await watchUntilRunning(watcher);

    await store(server.url, { ...JOB, jobId: "pagerank" });
    const { code } = await example.exited;

    expect(await jobOf(server, "pagerank")).toMatchObject({
      attempt: 2,
      version: expect.any(Number),
      task: { status: "PENDING" },
    });
    expect(code).toBe(1);
    expect(example.err.join("\n")).toContain("STALE_ATTEMPT");
  });
});

const JOB = { database: "examples", username: "anonymous" };

/** Binary data that takes several reads. */
const LARGE = Buffer.alloc(1_000_000, Buffer.from([0, 255, 10, 13, 7]));

const FILES: Readonly<Record<string, Buffer>> = {
  "a file": Buffer.from("with a space in its name"),
  empty: Buffer.alloc(0),
  large: LARGE,
  "below/below/ümlaut": Buffer.from("deep"),
  "back\\slash": Buffer.from("escaped"),
  "line\nfeed": Buffer.from("escaped too"),
};

const MANY_FILES: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Array.from({ length: 500 }, (_, number) => [`${number}`, Buffer.from(`${number}`)]),
);

/** Covers the six printed digits and the changes of up to 1e-6 in the last iterations. */
const ROUNDING = 2e-5;

interface JobView {
  readonly attempt: number;
  readonly version: number;
  readonly task: TaskView;
  readonly tasks: readonly TaskView[];
}

interface TaskView {
  readonly description: string;
  readonly status: string;
  readonly message: string | null;
  readonly mode: string | null;
  readonly maxIterations: number | null;
  readonly currentIteration: number | null;
  readonly progress: { readonly done: number; readonly ratio: number | null; readonly percent: string };
}

const VIEW = `attempt version task { ...Task } tasks { ...Task }`;
const TASK = `fragment Task on Task {
  description status message mode maxIterations currentIteration progress { done ratio percent }
}`;

function runExample(name: string, { url }: { readonly url: string }, ...args: readonly string[]): Program {
  const where = ["--url", url, "--database", JOB.database];
  return Program.node(["--import", "tsx", `examples/${name}.ts`, ...where, ...args]);
}

async function jobOf(server: TestServer, jobId: string): Promise<JobView> {
  const query = `query ($database: String!, $username: String!, $jobId: ID!) {
    task(database: $database, username: $username, jobId: $jobId) { ${VIEW} }
  } ${TASK}`;
  return (await dataOf<{ task: JobView }>(server.url, query, { ...JOB, jobId })).task;
}

function watchJob(server: TestServer, jobId: string): Promise<Watcher> {
  const query = `subscription ($database: String!, $username: String!, $jobId: ID!) {
    task(database: $database, username: $username, jobId: $jobId) { ${VIEW} }
  } ${TASK}`;
  return OVER_WEBSOCKET.watch(server.url, { query, variables: { ...JOB, jobId } });
}

async function nextView(watcher: Watcher): Promise<JobView | null> {
  const { data } = await watcher.next();
  return (data as { task: JobView | null }).task; // safe: the document selects it
}

async function watchToTheEnd(watcher: Watcher): Promise<JobView[]> {
  const seen: JobView[] = [];
  while (seen.at(-1)?.task.status !== "FINISHED") {
    const view = await nextView(watcher);
    if (view) seen.push(view);
  }
  await watcher.ended();
  return seen;
}

/** Waits for the second task, because the first one has no percentage. */
async function watchUntilRunning(watcher: Watcher): Promise<void> {
  let view = await nextView(watcher);
  while (view?.tasks[2]?.status !== "RUNNING") view = await nextView(watcher);
}

function doneOf(seen: readonly JobView[]): number[] {
  return seen.map(({ task }) => task.progress.done);
}

function ratiosOf(seen: readonly JobView[]): (number | null)[] {
  return seen.map(({ task }) => task.progress.ratio);
}

function isHalfWay(ratio: number | null): boolean {
  return ratio !== null && ratio > 0 && ratio < 1;
}

/** A folder with these files, and a symbolic link that the example must not follow. */
async function createFolder(
  files: Readonly<Record<string, Buffer>>,
): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "tidemark-"));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(path, name, ".."), { recursive: true });
    await writeFile(join(path, name), content);
  }
  await symlink(path, join(path, "link"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

function checksumLine(content: Buffer, path: string): string {
  const digest = createHash("sha256").update(content).digest("hex");
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}`;
}

type Dependencies = Readonly<Record<string, string>>;
interface LockEntry {
  readonly dependencies?: Dependencies;
  readonly optionalDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
}

/** The dependencies of each package as Node.js would resolve them, by the names that the example prints. */
function readGraph(): Map<string, string[]> {
  const lock = JSON.parse(readFileSync(join(PROJECT, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockEntry>;
  };
  const places = new Set(Object.keys(lock.packages));
  const find = (from: string, name: string): string | undefined => {
    const folders = from
      .split("/")
      .map((_, index, parts) => `${parts.slice(0, parts.length - index).join("/")}/`);
    return [...folders, ""]
      .map((folder) => `${folder}node_modules/${name}`)
      .find((place) => places.has(place));
  };
  return new Map(
    Object.entries(lock.packages).map(([place, entry]) => {
      const all = { ...entry.dependencies, ...entry.optionalDependencies, ...entry.peerDependencies };
      const targets = Object.keys(all).map((name) => find(place, name));
      return [nameOf(place), [...new Set(targets.filter((target) => target !== undefined).map(nameOf))]];
    }),
  );
}

function nameOf(place: string): string {
  return place === ""
    ? "(this project)"
    : place.slice("node_modules/".length).split("/node_modules/").join(" > ");
}

/** Computes PageRank by its definition, with enough rounds to converge. A package without dependencies shares its score with all. */
function pageRanks(graph: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const names = [...graph.keys()];
  let scores = new Map(names.map((name) => [name, 1 / names.length]));
  for (let round = 0; round < 200; round++) {
    const ofSinks = names.filter((name) => graph.get(name)!.length === 0).map((name) => scores.get(name)!);
    const toEach = (0.15 + 0.85 * ofSinks.reduce((sum, score) => sum + score, 0)) / names.length;
    const next = new Map(names.map((name) => [name, toEach]));
    for (const [name, targets] of graph) {
      for (const target of targets) {
        next.set(target, next.get(target)! + (0.85 * scores.get(name)!) / targets.length);
      }
    }
    scores = next;
  }
  return scores;
}
