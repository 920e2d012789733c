import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parse, validate } from "graphql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { schema } from "../src/graphql/schema.js";
import { startServer, type TestServer } from "./kit/server.js";

/** The README is run: what a newcomer copies from it must work as it stands. */
const README = readFileSync("README.md", "utf8");
const [store, report, sse, table] = blocks("sh").filter((block) => block.startsWith("curl"));
const [work, watch, watchByProtocol] = blocks("js");

let server: TestServer;
const children: ChildProcess[] = [];

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) process.kill(-child.pid!);
  await server.close();
});

describe("the documents of ARCHITECTURE.md", () => {
  it("ask for what the schema has", () => {
    const documents = blocks("graphql", readFileSync("ARCHITECTURE.md", "utf8")).map((document) =>
      parse(document),
    );
    expect(documents).toHaveLength(1);
    expect(documents.flatMap((document) => validate(schema, document))).toEqual([]);
  });
});

describe("the commands of the README", () => {
  it("store a job, report on it, and show it as a table", async () => {
    expect(await output("bash", store!)).toContain('"outcome":"CREATED"');
    expect(await output("bash", report!)).toContain('"percent":"42%","bar":"[####~~~~~~]"');
    expect(await output("bash", table!)).toContain('"taskName":"    |-- read","progress":"42%"');
  });

  it("run a worker in ten lines", async () => {
    await output("node --input-type=module", work!);

    expect(await output("bash", table!.replace("import-2", "import-1"))).toContain(
      '"taskName":"    |-- write","progress":"100%"',
    );
  });

  it("watch a job over server-sent events", async () => {
    await output("bash", store!);
    const lines = linesOf("bash", sse!);

    expect(await lines.next((line) => line.startsWith("data:"))).toContain('"status":"PENDING"');
  });

  it("watch a database by the client, and see the change that is made meanwhile", async () => {
    const lines = linesOf("node --input-type=module", watch!);
    await output("bash", store!);
    await lines.next((line) => line === "TaskStored import-2 0%");
    await output("bash", report!);

    expect(await lines.next((line) => line.startsWith("TaskUpdated"))).toBe("TaskUpdated import-2 28%");
  });

  it("watch a database by the protocol, and see the change that is made meanwhile", async () => {
    const lines = linesOf("node --input-type=module", watchByProtocol!);
    await lines.next((line) => line.includes("CaughtUp"));
    await output("bash", store!);
    await output("bash", report!);

    expect(await lines.next((line) => line.includes("TaskUpdated"))).toContain(
      '"changed":[{"path":"","status":"RUNNING"},{"path":"0","status":"RUNNING"}]',
    );
  });
});

function blocks(language: string, text = README): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(
    ([, block]) => block!,
  );
}

function run(command: string, script: string): ChildProcess {
  const child = spawn(command, { shell: true, stdio: ["pipe", "pipe", "inherit"], detached: true });
  children.push(child);
  const host = new URL(server.url).host;
  child.stdin!.end(script.replaceAll("127.0.0.1:4000", host));
  return child;
}

async function output(command: string, script: string): Promise<string> {
  const child = run(command, script);
  const chunks: string[] = [];
  child.stdout!.on("data", (chunk) => chunks.push(String(chunk)));
  await once(child, "close");
  return chunks.join("");
}

interface Lines {
  /** Waits for the next line that is wanted. */
  next(isWanted: (line: string) => boolean): Promise<string>;
}

function linesOf(command: string, script: string): Lines {
  const lines = createInterface(run(command, script).stdout!)[Symbol.asyncIterator]();
  return {
    async next(isWanted) {
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        if (isWanted(line.value)) return line.value;
      }
      throw new Error("the command ended before it printed what was waited for");
    },
  };
}
