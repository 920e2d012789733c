import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";

/**
 * The published declarations of `tidemark/client` need no types that a program may not have: not those of Node.js, of the
 * DOM or of explicit resource management. They are compiled as those of an installed package, in an empty folder.
 */

const folder = mkdtempSync(join(tmpdir(), "tidemark-declarations-"));
const TSC = join(PROJECT, "node_modules/typescript-7/bin/tsc");
/** The packages that the declarations import. */
const DEPENDENCIES = ["graphql", "@graphql-typed-document-node/core"];

beforeAll(async () => {
  const installed = join(folder, "node_modules", "tidemark");
  mkdirSync(installed, { recursive: true });
  mkdirSync(join(folder, "node_modules", "@graphql-typed-document-node"));
  symlinkSync(join(PROJECT, "package.json"), join(installed, "package.json"));
  for (const name of DEPENDENCIES)
    symlinkSync(join(PROJECT, "node_modules", name), join(folder, "node_modules", name));
  const build = join(PROJECT, "tsconfig.build.json");
  const errors = await compile("-p", build, "--emitDeclarationOnly", "--outDir", join(installed, "dist"));
  if (errors.length > 0) throw new Error(errors.join("\n"));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(["node16", "bundler"])("The types of the SDK (%s)", (moduleResolution) => {
  it.each([
    ["no platform", ["ES2022"], ""],
    [
      "the DOM",
      ["ES2022", "DOM"],
      "await fetch(job.signal.reason, { signal: job.signal }); const s: AbortSignal = job.signal; watch({ signal: s }); eventSourceClient(job.signal.reason, EventSource);",
    ],
    ["a worker", ["ES2022", "WebWorker"], "await fetch(job.signal.reason, { signal: job.signal });"],
    [
      "explicit resource management",
      ["ES2022", "ESNext.Disposable"],
      "await using end: AsyncDisposable = watched; void end;",
    ],
  ])("compile in a strict program with the types of %s", async (name, lib, code) => {
    const project = join(folder, `${moduleResolution} ${name}`);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(project, "program.ts"), `${PROGRAM}\n${code}\n`);
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(configOf(moduleResolution, lib)));

    expect(await compile("-p", project)).toEqual([]);
  });
});

const PROGRAM = `
import { connect, eventSourceClient, iterative, JobCanceled, leaf, resumable, task, watch, type SubscriptionClient, type WatchOptions } from "tidemark/client";

const job = connect().job({}, task("job", leaf("read"), iterative("i", { mode: "OPEN" }, leaf("step"))));
job.signal.addEventListener("abort", () => job.signal.throwIfAborted());
export const isAborted: boolean = job.signal.aborted && job.signal.reason instanceof JobCanceled;
export const count: number = await job.run((root) => [...root.track([1, 2], "read")].length);
const username: string | undefined = undefined;
const options: WatchOptions = { username };
await using watched = watch(options);
for await (const event of watched) if (event.kind === "CaughtUp") break;
declare const client: SubscriptionClient;
for await (const { data } of resumable(client).iterate<{ n: number }>({ query: "" })) data?.n.toFixed();
`;

function configOf(moduleResolution: string, lib: readonly string[]): object {
  return {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
      module: moduleResolution === "bundler" ? "ESNext" : "Node16",
      moduleResolution,
      types: [],
      lib,
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
