import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitForJob, linesOf } from "../client/server-jobs.js";
import { Program, PROJECT, readyLine } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

/** Tests the package as its users install it: packed from a clean copy of the sources and installed in another folder. */

const folder = mkdtempSync(join(tmpdir(), "tidemark-package-"));
const consumer = join(folder, "consumer");
const BYTES_MAX = 700_000;
let packed: Packed;

beforeAll(async () => {
  packed = await pack();
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!IS_FULL_LENGTH)("The package (under CI)", () => {
  it("contains exactly the files that users need", () => {
    const paths = packed.files.map(({ path }) => path);

    expect(paths).toEqual(
      expect.arrayContaining([
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "package.json",
        "dist/main.js",
        "dist/index.d.ts",
        "dist/client/index.d.ts",
        "dist/examples/pagerank.js",
        "dist/web/index.html",
        "schema/schema.graphql",
        "schema/operations/watch.graphql",
      ]),
    );
    expect(
      paths.filter(
        (path) =>
          !/^(dist\/.+(\.js|\.d\.ts)|dist\/web\/.+\.(html|css|svg|br|gz)|schema\/.+\.graphql|[^/]+)$/.test(
            path,
          ),
      ),
    ).toEqual([]);
    expect(packed.size).toBeLessThan(BYTES_MAX);
  });
});

describe.skipIf(!IS_FULL_LENGTH || !hasRegistry())(
  "The package, installed (under CI; needs the npm registry)",
  { timeout: 240_000 },
  () => {
    beforeAll(async () => {
      mkdirSync(consumer);
      const types = `@types/node@${versionOf("@types/node")}`;
      // Rejects dependencies that require a newer Node: `overrides` apply to this repository only, not to users
      // of the package.
      const flags = ["--engine-strict", "--prefer-offline", "--no-audit", "--no-fund"];
      await succeed("npm", ["install", ...flags, packed.tarball, types]);
    }, 240_000);

    it("starts the server with npx and runs an example that reports to it", async () => {
      await using server = await startByNpx();
      const example = join("node_modules", "tidemark", "dist", "examples", "pagerank.js");
      await succeed(process.execPath, [example, "--url", server.url, "--database", "d", "--user", "u"]);

      const isFinished = await waitForJob(
        server.url,
        ({ tasks }) => tasks[0]!.status === "FINISHED",
        "pagerank",
      );
      expect(linesOf(isFinished)[0]).toMatch(/^PageRank FINISHED \d+\/\d+$/);
    });

    it.each([
      ["nodenext", "a program"],
      ["bundler", "a page"],
    ])("has types that pass all strict checks with %s in %s", async (resolution, runtime) => {
      const project = join(consumer, resolution);
      mkdirSync(project);
      writeFileSync(join(project, "program.mts"), PROGRAM);
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify(configOf(resolution, runtime)));

      await succeed(process.execPath, [TSC, "-p", project]);
      expect(readFileSync(join(project, "program.mjs"), "utf8")).toContain("tidemark/client");
    });
  },
);

const TSC = join(PROJECT, "node_modules/typescript-7/bin/tsc");

const PROGRAM = `
import { loadConfig, startApp, TidemarkError, type TaskStoreListener } from "tidemark";
import { connect, iterative, leaf, task, watch, type WatchEvent } from "tidemark/client";

export const listener: TaskStoreListener | undefined = undefined;
export const app = await startApp(loadConfig({ flags: {}, env: {}, readFile: String }));
const job = connect({ url: app.url }).job({}, task("job", leaf("read"), iterative("i", { mode: "OPEN" }, leaf("step"))));
export const count: number = await job.run((root) => [...root.track([1, 2], "read")].length);
for await (const event of watch({ url: app.url, database: "d" })) {
  const received: WatchEvent = event;
  if (received.kind === "CaughtUp") throw new TidemarkError("INTERNAL", received.kind);
}
`;

function configOf(resolution: string, runtime: string): object {
  const isNode = runtime === "a program";
  return {
    compilerOptions: {
      strict: true,
      skipLibCheck: false,
      target: "es2022",
      module: resolution === "bundler" ? "esnext" : "nodenext",
      moduleResolution: resolution,
      types: isNode ? ["node"] : [],
      lib: ["ES2023", "ESNext.Disposable", ...(isNode ? [] : ["DOM", "DOM.AsyncIterable"])],
    },
  };
}

interface Packed {
  readonly tarball: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs a copy, because other tests use the build of this folder. */
async function pack(): Promise<Packed> {
  const copy = join(folder, "sources");
  const isSource = (path: string): boolean =>
    !["dist", "generated", "node_modules", ".git"].includes(basename(path));
  cpSync(PROJECT, copy, { recursive: true, filter: isSource });
  symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  const output = await succeed("npm", ["pack", "--json", "--silent", "--pack-destination", folder], copy);
  const [packing] = JSON.parse(output) as [Omit<Packed, "tarball"> & { readonly filename: string }]; // npm's format
  return { ...packing, tarball: join(folder, packing.filename) };
}

/** Returns the output of a command. @throws Error if it fails. */
async function succeed(command: string, args: readonly string[], cwd = consumer): Promise<string> {
  const program = new Program(command, args, { cwd });
  program.endInput();
  const { code } = await program.exited;
  if (code !== 0) throw new Error([command, ...args, ...program.out, ...program.err].join("\n"));
  return program.out.join("\n");
}

/** Stops the server itself, because npx does not forward its own end to it. */
async function startByNpx(): Promise<{ readonly url: string } & AsyncDisposable> {
  const program = new Program("npx", ["tidemark", "serve", "--port", "0"], { cwd: consumer });
  const { url, pid } = await readyLine(program);
  return {
    url,
    async [Symbol.asyncDispose]() {
      process.kill(pid, "SIGTERM");
      await program.exited;
    },
  };
}

function hasRegistry(): boolean {
  const lookup = spawnSync("npm", ["view", `graphql@${versionOf("graphql")}`, "version"], { cwd: tmpdir() });
  return lookup.status === 0;
}

function versionOf(name: string): string {
  const { version } = JSON.parse(
    readFileSync(join(PROJECT, "node_modules", name, "package.json"), "utf8"),
  ) as { readonly version: string }; // safe: npm requires it
  return version;
}
