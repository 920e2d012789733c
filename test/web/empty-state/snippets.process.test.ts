import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { snippetsFor } from "../../../src/web/empty-state/snippets.js";
import { PROJECT, Program } from "../../kit/process/child-process.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { dataOf } from "../../kit/network/raw-http.js";

/** The command that each snippet is for; those without a file are commands themselves. */
const COMMANDS = [undefined, "node report.mjs", "python3 report.py", undefined] as const;

describe.concurrent("The snippets of an empty database", () => {
  it("each report a job that finishes, as they are shown, after the installation of their package", async (test) => {
    await using server = await startServer();
    const folder = folderWithPackages(test);
    const snippets = snippetsFor({ serverUrl: `${server.url}/`, database: "it's new", hasToken: false });

    const exits = await Promise.all(snippets.map(({ text }, index) => run(text, COMMANDS[index], folder)));

    expect(exits).toEqual(snippets.map(() => 0));
    const { tasks } = await dataOf<Jobs>(server.url, JOBS);
    expect(tasks.nodes.map(({ task: { status, progress } }) => `${status} ${progress.percent}`)).toEqual(
      snippets.map(() => "FINISHED 100%"),
    );
  });

  it("work on a server that requires a token, which they take from TIDEMARK_TOKEN", async (test) => {
    const folder = folderWithPackages(test);
    const tokens = new Tokens({ folder });
    const token = await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth });
    const curl = snippetsFor({ serverUrl: server.url, database: "default", hasToken: true }).at(-1)!;

    const code = await run(curl.text, undefined, folder, { TIDEMARK_TOKEN: token });

    expect(code).toBe(0);
    const store = await server.provider.getTaskStore("default" as never);
    expect(store.query()).toMatchObject([{ username: "alice", task: { status: "FINISHED" } }]);
  });

  it("leave out the address and the database that are the defaults", () => {
    const snippets = snippetsFor({
      serverUrl: "http://127.0.0.1:4000/",
      database: "default",
      hasToken: false,
    });

    const [command, node, python] = snippets.map(({ text }) => text);
    expect(command).toMatch(/^npx tidemark run --name/);
    expect(node).toContain("connect();");
    expect(python).toContain('tidemark.job("Import", job_id="from-python")');
    expect(snippets.map(({ install }) => install)).toEqual([
      undefined,
      "npm install tidemark-client",
      "pip install tidemark",
      undefined,
    ]);
  });
});

/** A new folder in which the packages are installed, as npm and pip do it, from this project. */
function folderWithPackages({ onTestFinished }: TestContext): string {
  const folder = temporaryFolder(onTestFinished);
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  const bin = join(folder, "node_modules/.bin/tidemark");
  writeFileSync(bin, `#!/bin/sh\nexec node ${join(PROJECT, "dist/main.js")} "$@"\n`, { mode: 0o755 });
  symlinkSync(join(PROJECT, "packages/client"), join(folder, "node_modules/tidemark-client"));
  return folder;
}

async function run(
  text: string,
  command: string | undefined,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number | null> {
  writeFileSync(join(cwd, command?.split(" ")[1] ?? "unused"), text);
  await using program = new Program("sh", ["-c", command ?? text], {
    cwd,
    env: { PYTHONPATH: join(PROJECT, "python"), ...env },
  });
  return (await program.exited).code;
}

interface Jobs {
  readonly tasks: {
    readonly nodes: readonly {
      readonly task: { readonly status: string; readonly progress: { readonly percent: string } };
    }[];
  };
}

const JOBS = `{ tasks(database: "it's new") { nodes { task { status progress { percent } } } } }`;
