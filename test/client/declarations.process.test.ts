import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";

/**
 * The declarations of `tidemark-client` need no types that a program may not have: not those of Node.js, of the DOM or of explicit
 * resource management. They are compiled as those of an installed package, in an empty folder.
 */

const TSC = join(PROJECT, "node_modules/typescript-7/bin/tsc");

describe("The types of the SDK", () => {
  it("compile in strict programs of each module format, with the types of each platform", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(join(PROJECT, "packages", "client"), join(folder, "node_modules", "tidemark-client"));
    const projects = FORMATS.flatMap((format) =>
      PLATFORMS.map((platform) => writeProject(folder, format, platform)),
    );

    expect(await compile(folder, projects)).toEqual([]);
  });
});

interface ModuleFormat {
  readonly title: string;
  readonly extension: string;
  readonly options: object;
}

interface Platform {
  readonly title: string;
  readonly lib: readonly string[];
  /** What the program does on this platform only. */
  readonly code: string;
}

const FORMATS: readonly ModuleFormat[] = [
  { title: "ES modules", extension: "mts", options: { module: "Node16" } },
  { title: "CommonJS", extension: "cts", options: { module: "Node16" } },
  { title: "a bundler", extension: "ts", options: { module: "ESNext", moduleResolution: "bundler" } },
];

const PLATFORMS: readonly Platform[] = [
  { title: "no platform", lib: ["ES2022"], code: "" },
  {
    title: "the DOM",
    lib: ["ES2022", "DOM"],
    code: "void fetch(job.signal.reason, { signal: job.signal }); const s: AbortSignal = job.signal; watch({ signal: s }); eventSourceClient(job.signal.reason, EventSource);",
  },
  {
    title: "a worker",
    lib: ["ES2022", "WebWorker"],
    code: "void fetch(job.signal.reason, { signal: job.signal });",
  },
  {
    title: "explicit resource management",
    lib: ["ES2022", "ESNext.Disposable"],
    code: "export async function end() { await using end: AsyncDisposable = watch(options); void end; }",
  },
  {
    title: "React",
    lib: ["ES2022", "DOM"],
    code: `import { useJobs } from "tidemark-client/react"; export const useCount = () => useJobs({ username: "u" });`,
  },
];

const PROGRAM = `
import { connect, eventSourceClient, iterative, JobCanceled, leaf, resumable, task, watch, type SubscriptionClient, type WatchOptions } from "tidemark-client";

const job = connect().job({}, task("job", leaf("read"), iterative("i", { mode: "OPEN" }, leaf("step"))));
job.signal.addEventListener("abort", () => job.signal.throwIfAborted());
export const isAborted: boolean = job.signal.aborted && job.signal.reason instanceof JobCanceled;
const username: string | undefined = undefined;
const options: WatchOptions = { username };
declare const client: SubscriptionClient;
export async function main(): Promise<number> {
  await using watched = watch(options);
  for await (const event of watched) if (event.kind === "CaughtUp") break;
  for await (const { data } of resumable(client).iterate<{ n: number }>({ query: "" })) data?.n.toFixed();
  return job.run((root) => [...root.track([1, 2], "read")].length);
}
`;

function configOf(options: object, lib: readonly string[]): object {
  return {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
      types: [],
      lib,
      ...options,
    },
  };
}

/** Writes a program and its settings. Returns the name of its folder. */
function writeProject(folder: string, format: ModuleFormat, { title, lib, code }: Platform): string {
  const name = `${format.title}, ${title}`;
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, `program.${format.extension}`), `${PROGRAM}\n${code}\n`);
  writeFileSync(join(folder, name, "tsconfig.json"), JSON.stringify(configOf(format.options, lib)));
  return name;
}

/** Compiles the projects in one process. Returns what the compiler prints: its errors, with the names of their files. */
async function compile(cwd: string, projects: readonly string[]): Promise<readonly string[]> {
  const program = new Program(process.execPath, [TSC, "--build", ...projects], { cwd });
  program.endInput();
  await program.exited;
  return [...program.out, ...program.err];
}
