import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";

/**
 * The declarations of `tidemark-client` need no types that a program may not have: not those of Node.js, of the DOM or of explicit
 * resource management. They are compiled as those of an installed package, in an empty folder.
 */

const folder = mkdtempSync(join(tmpdir(), "tidemark-declarations-"));
const TSC = join(PROJECT, "node_modules/typescript-7/bin/tsc");

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(PROJECT, "packages", "client"), join(folder, "node_modules", "tidemark-client"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(["ES modules", "CommonJS", "a bundler"] as const)("The types of the SDK (%s)", (format) => {
  it.each([
    ["no platform", ["ES2022"], ""],
    [
      "the DOM",
      ["ES2022", "DOM"],
      "void fetch(job.signal.reason, { signal: job.signal }); const s: AbortSignal = job.signal; watch({ signal: s }); eventSourceClient(job.signal.reason, EventSource);",
    ],
    ["a worker", ["ES2022", "WebWorker"], "void fetch(job.signal.reason, { signal: job.signal });"],
    [
      "explicit resource management",
      ["ES2022", "ESNext.Disposable"],
      "export async function end() { await using end: AsyncDisposable = watch(options); void end; }",
    ],
    [
      "React",
      ["ES2022", "DOM"],
      `import { useJobs } from "tidemark-client/react"; export const useCount = () => useJobs({ username: "u" });`,
    ],
  ])("compile in a strict program with the types of %s", async (name, lib, code) => {
    const project = join(folder, `${format} ${name}`);
    const { extension, options } = FORMATS[format];
    mkdirSync(project);
    writeFileSync(join(project, `program.${extension}`), `${PROGRAM}\n${code}\n`);
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(configOf(options, lib)));

    expect(await compile("-p", project)).toEqual([]);
  });
});

const FORMATS = {
  "ES modules": { extension: "mts", options: { module: "Node16" } },
  CommonJS: { extension: "cts", options: { module: "Node16" } },
  "a bundler": { extension: "ts", options: { module: "ESNext", moduleResolution: "bundler" } },
};

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

/** Returns what the compiler prints: its errors. */
async function compile(...options: readonly string[]): Promise<readonly string[]> {
  const program = new Program(process.execPath, [TSC, ...options], { cwd: folder });
  program.endInput();
  await program.exited;
  return [...program.out, ...program.err];
}
