/** The programs of docs/graphql-clients.md resume after a lost connection. That they print what the page says, snippets.process.test.ts tests. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { startServer } from "../kit/server/server.js";
import { store, update } from "../server/jobs.js";
import { snippetsOf } from "./markdown.js";

const PAGE = "docs/graphql-clients.md";
const JOB = { database: "default", jobId: "held" };
const KIND = /\b(Reset|TaskStored|TaskUpdated|TaskRemoved|CaughtUp)\b/;

describe("A program of docs/graphql-clients.md", () => {
  it.each(["ws.mjs", "sse.mjs", "apollo.mjs", "urql.mjs"])(
    "receives each change once, although its connection breaks: %s",
    async (name) => {
      expect(await kindsReceived(name, folderWith(name))).toEqual(UNBROKEN);
    },
  );

  it.skipIf(!IS_FULL_LENGTH)(
    "receives each change once, although its connection breaks: relay.mjs (under CI; downloads relay-compiler)",
    async () => {
      expect(await kindsReceived("relay.mjs", await folderForRelay())).toEqual(UNBROKEN);
    },
  );

  it("shows in Apollo's list what an event says", async () => {
    await using world = await startProgram("apollo.mjs", folderWith("apollo.mjs"));
    await world.program.line((line) => line.includes("held: 0"));

    await update(world.server.url, { ...JOB, updates: [{ done: 7 }] });

    expect(await world.program.line((line) => line.includes("held: 7"))).toContain("held: 7");
    expect(world.program.err).toEqual([]); // the development build of Apollo prints warnings
  });
});

/** The end of what a program receives: the whole state, the change during the break, and a change thereafter. */
const UNBROKEN = ["Reset", "CaughtUp", "TaskUpdated", "CaughtUp", "TaskUpdated"];

/** The kinds of the events that the program prints, without the jobs of the first state. */
async function kindsReceived(name: string, folder: string): Promise<string[]> {
  await using world = await startProgram(name, folder);
  const { server, network, program } = world;
  await program.line((line) => line.includes("CaughtUp"));
  network.shut();
  await update(server.url, { ...JOB, updates: [{ done: 1 }] });
  network.reopen();
  await program.line((line) => line.includes("TaskUpdated"));
  await program.line((line) => line.includes("CaughtUp"), lastOf(program, "TaskUpdated"));
  await update(server.url, { ...JOB, updates: [{ done: 2 }] });
  await program.line((line) => line.includes("TaskUpdated"), lastOf(program, "CaughtUp"));
  return program.out.flatMap((line) => KIND.exec(line)?.[1] ?? []).filter((kind) => kind !== "TaskStored");
}

function lastOf({ out }: Program, kind: string): number {
  return out.findLastIndex((line) => line.includes(kind));
}

/** A server with a job, and the program, which connects over a network that can break. */
async function startProgram(name: string, folder: string) {
  const server = await startServer();
  const network = await SeverableProxy.open(server.url);
  await store(server.url, JOB);
  const text = programOf(name).replaceAll("127.0.0.1:4000", new URL(network.url).host);
  writeFileSync(join(folder, name), text);
  const program = Program.node(["--conditions=development", name], { cwd: folder });
  return {
    server,
    network,
    program,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

/** The program of the page whose first line names the file. */
function programOf(name: string): string {
  return snippetsOf(PAGE).find(({ text }) => text.startsWith(`// ${name}`))!.text;
}

/** A folder with the libraries. */
function folderWith(name: string): string {
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder);
  symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return folder;
}

/** With what the compiler of Relay makes of the operations on the page. */
async function folderForRelay(): Promise<string> {
  const folder = folderWith("relay");
  const config = snippetsOf(PAGE).find(({ language }) => language === "json")!.text;
  writeFileSync(join(folder, "relay.config.json"), config);
  writeFileSync(join(folder, "operations.js"), programOf("operations.js"));
  copyFileSync(join(PROJECT, "schema/schema.graphql"), join(folder, "schema.graphql"));
  mkdirSync(join(folder, "__generated__"));
  await using compiler = new Program("npx", ["-y", "relay-compiler@21.0.1"], { cwd: folder });
  if ((await compiler.exited).code !== 0) throw new Error([...compiler.out, ...compiler.err].join("\n"));
  return folder;
}
