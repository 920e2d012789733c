import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PAGE_SCRIPT } from "../kit/browser/client-bundle.js";
import { ARE_PACKAGES_TESTED, outputOf, PackedPackages } from "../kit/packages/packed-packages.js";
import { PROJECT } from "../kit/process/child-process.js";
import { startServer } from "../kit/server/server.js";

const IMPORT = `import { connect, leaf, task, watch } from "tidemark-client";`;
const REQUIRE = `const { connect, leaf, task, watch } = require("tidemark-client");`;
/** Reports a job, watches it over both transports, and ends by itself. */
const PROGRAM = `
  async function main(url) {
    const job = connect({ url }).job({ jobId: "import" }, task("Import", leaf("read"), leaf("write")));
    await job.run(async (root) => {
      for await (const row of root.track([1, 2, 3], "read")) root.log.info("row " + row);
      await root.run("write", (write) => write.advance(2));
    });
    for (const transport of ["websocket", "sse"]) {
      const watched = watch({ url, transport });
      await watched.untilLive();
      for (const { jobId, task } of watched.jobs.values()) console.log(transport, jobId, task.status, task.progress.done);
      watched.close();
    }
  }
  main(process.argv[2]);
`;
const FILES = {
  "program.mjs": IMPORT + PROGRAM,
  "program.cjs": REQUIRE + PROGRAM,
  "both.mjs": `
    import { TidemarkError } from "tidemark-client";
    import * as react from "tidemark-client/react";
    console.log(react.TidemarkError === TidemarkError, Object.keys(react).filter((name) => name.startsWith("use")).length > 0);`,
  "both.cjs": `
    const { TidemarkError } = require("tidemark-client");
    const react = require("tidemark-client/react");
    console.log(react.TidemarkError === TidemarkError, Object.keys(react).filter((name) => name.startsWith("use")).length > 0);`,
};
const SHOWN = ["websocket import FINISHED 5", "sse import FINISHED 5"];
const BUN = "node_modules/@oven/bun-linux-x64/bin/bun";
const DENO = "node_modules/@deno/linux-x64-glibc/deno";

describe.skipIf(!ARE_PACKAGES_TESTED)(
  "The package tidemark-client (under CI; needs the npm registry)",
  { timeout: 240_000 },
  () => {
    let packages: PackedPackages;
    let folder: string;

    beforeAll(async () => {
      packages = await PackedPackages.pack();
      ({ folder } = await packages.install([packages.client], FILES));
    }, 240_000);

    afterAll(() => packages[Symbol.dispose]());

    it("has no dependencies", () => {
      expect(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
        "tidemark-client",
      ]);
    });

    it.each(["program.mjs", "program.cjs"])("reports and watches a job in %s", async (program) => {
      await using server = await startServer();

      expect(await outputOf("node", [program, server.url], { cwd: folder })).toBe(SHOWN.join("\n"));
    });

    it.each(["both.mjs", "both.cjs"])("has each class once for both entries in %s", async (program) => {
      const { folder: withReact } = await packages.install([packages.client, "react@18"], FILES);

      expect(await outputOf("node", [program], { cwd: withReact })).toBe("true true");
    });

    it.skipIf(`${process.platform} ${process.arch}` !== "linux x64").each([
      ["Bun", "@oven/bun-linux-x64", BUN, []],
      ["Deno", "@deno/linux-x64-glibc", DENO, ["run", "--allow-all"]],
    ])("reports and watches a job in %s (needs Linux on x64)", async (_, name, runtime, flags) => {
      await using server = await startServer();
      const { folder: withRuntime } = await packages.install([packages.client, name], FILES);

      const args = [...flags, "program.mjs", server.url];
      expect(await outputOf(join(withRuntime, runtime), args, { cwd: withRuntime })).toBe(SHOWN.join("\n"));
    });

    it.each([
      ["reporting", ["connect", "leaf", "task"], 16_400],
      ["watching", ["watch"], 8_300],
    ])(
      "adds to a page, for %s, no more than its budget, and nothing for Node.js",
      async (_, names, bytesMax) => {
        const page = await bundle(folder, names);

        expect(gzipSync(page).length).toBeLessThanOrEqual(bytesMax);
        expect(page).not.toMatch(/require\(|node:|SIGTERM/);
      },
    );

    it("has types that compile without those of a platform, in ES modules and in CommonJS", async () => {
      const typed = await packages.install([packages.client], TYPED_FILES);

      expect(await outputOf(process.execPath, [TSC, "-p", "."], { cwd: typed.folder })).toBe("");
    });
  },
);

const TSC = join(PROJECT, "node_modules/typescript-7/bin/tsc");

const TYPED_PROGRAM = `
import { connect, leaf, task, watch, type WatchOptions } from "tidemark-client";

const options: WatchOptions = { url: "http://127.0.0.1:4000" };
const job = connect(options.url!).job({}, task("job", leaf("read")));
export const count: Promise<number> = job.run((root) => [...root.track([1, 2], "read")].length);
export const status: string = watch(options).status.kind;
`;

const TYPED_FILES = {
  "program.mts": TYPED_PROGRAM,
  "program.cts": TYPED_PROGRAM,
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
      module: "Node16",
      types: [],
      lib: ["ES2022"],
    },
  }),
};

/** The script of a page that uses these exports, minified. */
async function bundle(resolveDir: string, names: readonly string[]): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names.join(", ")} } from "tidemark-client";`, resolveDir },
    ...PAGE_SCRIPT,
    globalName: "tidemark",
  });
  return outputFiles[0]!.text; // there is one entry
}
