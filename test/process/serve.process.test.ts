import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  failingBy,
  Program,
  PROJECT,
  readyLine,
  serve,
  startTidemark,
} from "../kit/process/child-process.js";
import {
  graphqlResultOf,
  ask,
  HttpConnection,
  metricReaches,
  RawConnection,
  readMetric,
} from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { textFrame, upgrade, WsClient } from "../kit/network/ws-client.js";

const TYPENAME = { query: "{ __typename }" };
const COUNT = { query: `subscription { taskCount(database: "d") }` };
const STORE = `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`;
const HAS_SCRIPT = spawnSync("script", ["--version"]).status === 0;

describe("tidemark serve", () => {
  it("prints one line of JSON with its address and process id when it is ready", async () => {
    await using tidemark = await startTidemark();
    const { program, url } = tidemark;

    const ready = await readyLine(program);

    expect(program.out).toHaveLength(1);
    expect(program.err).toEqual([]);
    expect(ready).toMatchObject({ msg: "ready", pid: program.pid });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(await ask(url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("reads settings from a file, the environment and flags, each overriding the one before", async () => {
    await using file = await createFile(
      `{ "documentAliasesMax": 8, "documentDepthMax": 9, "documentDirectivesMax": 9 }`,
    );
    const env = {
      TIDEMARK_CONFIG: file.path,
      TIDEMARK_DOCUMENT_DEPTH_MAX: "6",
      TIDEMARK_DOCUMENT_DIRECTIVES_MAX: "9",
    };
    await using tidemark = await startTidemark(["--document-directives-max", "1"], { env });

    const answers = await Promise.all(
      [
        `{ ${Array.from({ length: 9 }, (_, at) => `a${at}: __typename`).join(" ")} }`,
        `{ tasks(database: "d") { nodes { task ${"{ subTasks ".repeat(6)} { path } ${"}".repeat(6)} } } }`,
        "{ __typename @skip(if: true) @skip(if: true) }",
      ].map((query) => ask(tidemark.url, { query })),
    );

    expect(answers.map(({ errors }) => errors?.[0]?.extensions?.["limit"])).toEqual([
      "documentAliasesMax",
      "documentDepthMax",
      "documentDirectivesMax",
    ]);
  });

  it("says what to do where LMDB has no binary, and starts with the store in memory", async () => {
    const env = { npm_config_platform: "plan9" };
    await using failed = serve(["--port", "0", "--store", "lmdb:unused"], { env });
    await using started = await startTidemark(["--store", "memory:"], { env });

    expect((await failed.exited).code).toBe(1);
    expect(failed.err).toEqual([
      expect.stringMatching(/no binary for .+ optional dependencies, .+ --store memory:\.$/),
    ]);
    expect(await ask(started.url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("exits normally when the reader of its help stops early", async () => {
    await using shell = new Program("sh", ["-c", "node dist/main.js serve --help | true"]);
    expect(await shell.exited).toEqual({ code: 0, signal: null });
    expect(shell.err).toEqual([]);
  });

  it("warns about an unknown environment variable and starts", async () => {
    await using tidemark = await startTidemark([], { env: { TIDEMARK_RETENTION_MS: "1" } });

    expect(tidemark.program.out[0]).toMatch(
      /"level":40,.*TIDEMARK_RETENTION_MS.*Did you mean TIDEMARK_RETENTION\?/,
    );
  });

  it("hides internals even if NODE_ENV is development", async () => {
    await using tidemark = await startTidemark([], { env: { NODE_ENV: "development" } });
    using connection = new HttpConnection(tidemark.url);

    using client = await WsClient.connect(tidemark.url);

    const answers = [
      await connection.post("{nope"),
      await connection.post("{nope", { accept: "text/event-stream" }),
      await connection.post(TYPENAME, { accept: "nope" }),
      await client.ask({ query: "{ nope" }),
    ];
    client.send("{nope");

    expect(await client.closed).toEqual({ code: 4400, reason: "Invalid message received" });
    expect(JSON.stringify(answers)).not.toMatch(/Unexpected|originalError|stack|node_modules|SyntaxError/);
  });

  it("logs an error thrown outside any request and exits with 1", async () => {
    await using tidemark = await startTidemark([], failingBy("throw new Error('half done')"));

    tidemark.program.signal("SIGUSR2");

    expect(await tidemark.program.exited).toEqual({ code: 1, signal: null });
    expect(tidemark.program.out.at(-1)).toMatch(
      /"level":60,.*half done.*"msg":"uncaught exception: the server exits"/,
    );
  });

  it("logs an unhandled rejection under an error id and keeps running", async () => {
    await using tidemark = await startTidemark([], failingBy("Promise.reject(new Error('not awaited'))"));
    using connection = new HttpConnection(tidemark.url);

    tidemark.program.signal("SIGUSR2");
    const line = await tidemark.program.line((text) => text.includes("not awaited"));

    expect(line).toMatch(/"level":50,.*"errorId":"[0-9a-f-]{36}"/);
    expect((await connection.post(TYPENAME)).status).toBe(200);
  });

  it.each([
    ["a wrong value", ["--port", "80a"], /--port "80a"/],
    ["an unknown flag", ["--prot", "80"], /'--prot' \(Did you mean --port\?\)/],
    ["a flag without its value", ["--port"], /'--port <port>'/],
    ["a limit of 0", ["--page-size-max", "0"], /--page-size-max "0"/],
    ["a missing file", ["--config", "/nowhere.json"], /\/nowhere\.json/],
  ])("exits with 2 and one line on stderr for %s", async (_, flags, message) => {
    await using program = serve(flags);

    expect(await program.exited).toEqual({ code: 2, signal: null });
    expect(program.out).toEqual([]);
    expect(program.err).toEqual([expect.stringMatching(message)]);
    expect(program.err[0]).toMatch(/^tidemark: /);
  });

  it("exits with 2 and names an invalid environment variable", async () => {
    await using program = serve([], { env: { TIDEMARK_LEASE: "soon" } });

    expect(await program.exited).toEqual({ code: 2, signal: null });
    expect(program.err).toEqual([
      expect.stringMatching(/^tidemark: Invalid TIDEMARK_LEASE "soon": expected a duration/),
    ]);
  });

  it("exits with 1 and one line on stderr when the port is in use", async () => {
    await using first = await startTidemark();
    const { port } = new URL(first.url);
    await using second = serve(["--port", port]);

    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.out).toEqual([]);
    expect(second.err).toEqual([expect.stringMatching(new RegExp(`^tidemark: .*in use.*\\b${port}\\b`))]);
    expect(await ask(first.url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("exits with 2 and one line on stderr for an unknown store, without its password", async () => {
    await using program = serve(["--port", "0", "--store", "nosuch://user:secret@host"]);

    expect(await program.exited).toEqual({ code: 2, signal: null });
    expect(program.err).toEqual([expect.stringMatching(/^tidemark: .*nosuch:/)]);
    expect(program.err[0]).not.toContain("secret");
  });

  it("prints help to stdout", async () => {
    await using program = serve(["--help"]);

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.err).toEqual([]);
    expect(program.out.join("\n")).toMatch(/--port <port>.*--documents?-bytes-max.*Examples:/s);
  });

  it("is the default command and prints the version", async () => {
    const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as {
      version: string;
    };
    await using program = Program.node(["dist/main.js", "--version"]);

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.out).toEqual([version]);
  });
});

describe("tidemark without arguments at a terminal", () => {
  it.skipIf(!HAS_SCRIPT)(
    "prints a short block with the address of the dashboard first, and a command to try (needs `script`)",
    async () => {
      const command = `exec "${process.execPath}" dist/main.js --port 0`;
      await using program = new Program("script", ["-qec", command, "/dev/null"]);

      await program.line((line) => line.includes("Ctrl+C to stop"));
      const lines = program.out.filter(Boolean);
      const block = lines.join("\n");
      const url = String(/http:\/\/127\.0\.0\.1:\d+/.exec(block)?.[0]);
      const answer = await ask(url, TYPENAME);
      program.write("\x03");
      const { code } = await program.exited;

      expect(lines).toHaveLength(6);
      expect(lines[0]).toBe(`  Dashboard   ${url}/`);
      expect(block).toContain(`${url}/graphql`);
      expect(block).toContain(`npx tidemark run --url ${url} -- sh -c '`);
      expect(block).toMatch(/Store +memory:/);
      expect(block).not.toContain(`{"level"`);
      expect(answer).toEqual({ data: { __typename: "Query" } });
      expect(code).toBe(0);
    },
  );
});

describe("a signal", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("%s stops an idle server with exit code 0", async (signal) => {
    await using tidemark = await startTidemark();

    tidemark.program.signal(signal);

    expect(await tidemark.program.exited).toEqual({ code: 0, signal: null });
    expect(tidemark.program.err).toEqual([]);
  });

  it("stops a busy server within 5 s: it closes sockets with 1001 and answers pending requests", async () => {
    await using tidemark = await startTidemark();
    const { program, url } = tidemark;
    using socket = await WsClient.connect(url);
    using stream = await SseStream.open(url, COUNT);
    using silent = await RawConnection.open(url);
    silent.write(
      Buffer.concat([Buffer.from(upgrade()), textFrame(JSON.stringify({ type: "connection_init" }))]),
    );
    using underWay = await RawConnection.open(url);
    const body = JSON.stringify({ query: STORE });
    await Promise.all([socket.subscribe(COUNT).next(), stream.next()]);
    await silent.until((received) => received.includes("connection_ack"));
    await underWay.ask(`GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n${head(body)}${body.slice(0, 9)}`);

    const startedAt = performance.now();
    program.signal("SIGTERM");
    await program.line((line) => line.includes(`"msg":"stopping"`));
    underWay.write(body.slice(9));
    const exit = await program.exited;
    const tookMs = performance.now() - startedAt;

    expect(exit).toEqual({ code: 0, signal: null });
    expect(tookMs).toBeLessThan(5_000);
    expect(await socket.closed).toEqual({ code: 1001, reason: "Going away" });
    expect(underWay.received).toContain(`{"data":{"storeTask":{"outcome":"CREATED"}}}`);
    await expect(stream.next()).rejects.toThrow(/has ended|aborted/);
    expect(program.err).toEqual([]);
  });

  it("stops a starting server with exit code 0 and without errors", async () => {
    const folder = temporaryFolder();
    const format = join(folder, "tidemark.json");
    spawnSync("mkfifo", [format]);
    await using program = serve(["--port", "0", "--store", `lmdb:${folder}`]);
    const file = await open(format, "w"); // resolves when the server opens the pipe and waits

    program.signal("SIGTERM");
    await program.line((line) => line.includes(`"msg":"stopping"`));
    await file.writeFile(`{"product":"tidemark","format":1}`);
    await file.close();

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.err).toEqual([]);
    expect(program.out.join()).not.toContain(`"msg":"ready"`);
  });

  it("starts a drain, and closes the remaining sockets at once when it is repeated", async () => {
    await using tidemark = await startTidemark(["--drain", "1h"]);
    const { program, url } = tidemark;
    const clients = await Promise.all(Array.from({ length: 200 }, () => WsClient.connect(url)));

    program.signal("SIGTERM");
    await Promise.race(clients.map((client) => client.closed));
    using connection = new HttpConnection(url);
    const { status } = await connection.request({ path: "/ready" });
    program.signal("SIGTERM");

    expect(status).toBe(503);
    await program.line((line) => line.includes(`"msg":"ending the drain"`));
    const refused = new HttpConnection(url).request({ path: "/health" }).catch(() => "refused");
    expect(await refused).toBe("refused");
    expect(await program.exited).toEqual({ code: 0, signal: null });
    const closed = await Promise.all(clients.map((client) => client.closed));
    expect(closed).toEqual(clients.map(() => ({ code: 1001, reason: "Going away" })));
  });

  it("does not interrupt a graceful stop when it is repeated, as Ctrl+C does under npm", async () => {
    await using tidemark = await startTidemark();
    const { program, url } = tidemark;
    using silent = await RawConnection.open(url);
    silent.write(upgrade());
    await silent.until((received) => received.includes("\r\n\r\n"));

    program.signal("SIGINT");
    await program.line((line) => line.includes(`"msg":"stopping"`));
    program.signal("SIGINT");

    expect(await program.exited).toEqual({ code: 0, signal: null });
  });
});

/** Measured in a separate process, where the memory of tests does not count. */
describe("the memory of a server stays bounded", () => {
  const MEGABYTE = 1024 * 1024;
  const MEMORY = "process_resident_memory_bytes";
  const QUERY = "{ __schema { types { name description fields { name description args { name } } } } }";

  it.each<[string, (client: WsClient, round: number) => void]>([
    [
      "sends many requests and never reads",
      (client, round) => repeat(40, (n) => client.subscribe({ query: QUERY }, `${round}.${n}`)),
    ],
    [
      "sends many pings",
      (client) => repeat(10, () => client.send({ type: "ping", payload: { x: "x".repeat(50_000) } })),
    ],
  ])("when a client %s", async (_, flood) => {
    await using tidemark = await startTidemark(["--keep-alive", "10m"]);
    using other = await WsClient.connect(tidemark.url);
    await other.ask({ query: QUERY });
    const before = await readMetric(tidemark.url, MEMORY);
    using client = await WsClient.connect(tidemark.url);
    client.socket.on("error", () => {}); // a flood may end in a reset
    client.socket.pause();

    for (let round = 0; round < 200; round++) {
      flood(client, round);
      await other.ask(TYPENAME);
    }

    const grown = (await readMetric(tidemark.url, MEMORY)) - before;
    expect(grown).toBeLessThan(100 * MEGABYTE);
    expect(await other.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("when a thousand subscriptions are opened and abandoned", async () => {
    await using tidemark = await startTidemark();

    for (let round = 0; round < 10; round++) {
      using client = await WsClient.connect(tidemark.url);
      await Promise.all(Array.from({ length: 100 }, () => client.subscribe(COUNT).next()));
    }

    await metricReaches(tidemark.url, "tidemark_subscribers", 0);
    await metricReaches(tidemark.url, "tidemark_websockets", 0);
    using connection = new HttpConnection(tidemark.url);
    expect(graphqlResultOf(await connection.post(TYPENAME))).toEqual({ data: { __typename: "Query" } });
  });
});

function head(body: string): string {
  return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
}

async function createFile(text: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-"));
  const path = join(folder, "tidemark.json");
  await writeFile(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function repeat(times: number, act: (count: number) => void): void {
  for (let count = 0; count < times; count++) act(count);
}
