import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ARE_PACKAGES_TESTED,
  environmentOfNode,
  outputOf,
  PackedPackages,
} from "../kit/packages/packed-packages.js";
import { Program, PROJECT, readyLine } from "../kit/process/child-process.js";

const BYTES_MAX = 900_000;
const REPORT = `
  import { connect, leaf, task } from "tidemark-client";
  const job = connect({ url: process.argv[2] }).job({ jobId: "import" }, task("Import", leaf("read"), leaf("write")));
  await job.run(async (root) => {
    for await (const row of root.track([1, 2, 3], "read")) root.log.info("row " + row);
    await root.run("write", (write) => write.advance(2));
  });
  console.log(process.version);
`;

describe.skipIf(!ARE_PACKAGES_TESTED)(
  "The package tidemark (under CI; needs the npm registry)",
  { timeout: 240_000 },
  () => {
    let packages: PackedPackages;

    beforeAll(async () => {
      packages = await PackedPackages.pack();
    }, 240_000);

    afterAll(() => packages[Symbol.dispose]());

    it("is packed together with tidemark-client and the Python distributions, in one version", () => {
      const { version } = manifestOf(PROJECT);

      expect(manifestOf(join(PROJECT, "packages/client")).version).toBe(version);
      expect(packages.names).toEqual([
        `tidemark-${version}-py3-none-any.whl`,
        `tidemark-${version}.tar.gz`,
        `tidemark-${version}.tgz`,
        `tidemark-client-${version}.tgz`,
      ]);
    });

    it("contains exactly the files that users need", () => {
      const paths = execFileSync("tar", ["tzf", packages.server], { encoding: "utf8" }).trim().split("\n");

      expect(paths).toEqual(
        expect.arrayContaining([
          "package/CHANGELOG.md",
          "package/LICENSE",
          "package/README.md",
          "package/package.json",
          "package/dist/main.js",
          "package/dist/index.d.ts",
          "package/dist/client/index.d.ts",
          "package/dist/journal/lmdb/binding/LICENSES",
          "package/dist/web/index.html",
          "package/schema/schema.graphql",
          "package/schema/operations/watch.graphql",
        ]),
      );
      expect(paths.filter((path) => !EXPECTED_FILE.test(path))).toEqual([]);
      expect(statSync(packages.server).size).toBeLessThan(BYTES_MAX);
    });

    it.each([20, 22, 24])(
      "installs without a warning, and serves, receives and shows a job with npx (Node.js %i)",
      async (major) => {
        const env = { ...(await environmentOfNode(major)), TIDEMARK_STORE: "lmdb:tidemark-data" };
        const tarballs = [packages.server, packages.client];
        const { folder, printed } = await packages.install(tarballs, { "report.mjs": REPORT }, env);
        expect(printed).toMatch(/^\s*added \d+ packages in \S+$/);

        await using server = await startByNpx(folder, env);
        const at = ["--url", server.url, "--job", "import"];
        const version = await outputOf("node", ["report.mjs", server.url], { cwd: folder, env });
        const watched = await outputOf("npx", ["tidemark", "watch", ...at], { cwd: folder, env });
        await server.stop();

        expect(version).toMatch(new RegExp(`^v${major}\\.`));
        expect(watched).toContain("FINISHED");
      },
    );

    it.each([
      ["nodenext", "a program"],
      ["bundler", "a page"],
    ])("has types that pass all strict checks with %s in %s", async (resolution, runtime) => {
      const config = JSON.stringify(configOf(resolution, runtime));
      const files = { "program.mts": PROGRAM, "tsconfig.json": config };
      const types = `@types/node@${manifestOf(join(PROJECT, "node_modules/@types/node")).version}`;
      const { folder } = await packages.install([packages.server, types], files);

      expect(await outputOf(process.execPath, [TSC, "-p", "."], { cwd: folder })).toBe("");
    });

    it("is packed with a wheel that Python can import", async () => {
      const env = { PYTHONPATH: packages.path(/\.whl$/) };
      const script = "import tidemark, tidemark.tqdm; print(tidemark.__version__)";

      expect(await outputOf("python3", ["-c", script], { cwd: tmpdir(), env })).toBe(
        manifestOf(PROJECT).version,
      );
    });

    it("is packed where Python is missing, which is said together with what to install", async () => {
      const withoutPython = { PYTHONHOME: "/nowhere" };

      await expect(packages.packAgain(withoutPython)).rejects.toThrow(
        "apt-get install python3 python3-setuptools",
      );
      expect(packages.names).toEqual([
        expect.stringMatching(/^tidemark-\d/),
        expect.stringMatching(/^tidemark-client-/),
      ]);
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
      noEmit: true,
      target: "es2022",
      module: resolution === "bundler" ? "esnext" : "nodenext",
      moduleResolution: resolution,
      types: isNode ? ["node"] : [],
      lib: ["ES2023", "ESNext.Disposable", ...(isNode ? [] : ["DOM", "DOM.AsyncIterable"])],
    },
  };
}

const EXPECTED_FILE =
  /^package\/(dist\/.+(\.js|\.d\.ts|\/LICENSES|\/package\.json)|dist\/web\/.+\.(html|css|svg|br|gz)|schema\/.+\.graphql|[^/]+)$/;

/** Stops the server itself, because npx does not forward its own end to it. */
async function startByNpx(cwd: string, env: Readonly<Record<string, string>>) {
  const program = new Program("npx", ["tidemark", "--port", "0"], { cwd, env });
  const { url, pid } = await readyLine(program);
  const stop = async (): Promise<void> => {
    process.kill(pid, "SIGTERM");
    expect(await program.exited).toEqual({ code: 0, signal: null });
  };
  return { url, stop, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

function manifestOf(folder: string): { readonly version: string } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly version: string }; // safe: npm requires it
}
