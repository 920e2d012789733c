import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Program } from "../kit/process/child-process.js";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { HAS_TERMINAL, TestTerminal } from "../kit/process/terminal.js";
import { SERVER_JOB_KEY, removeTask, store, update } from "../server/jobs.js";
import { ask } from "../kit/network/raw-http.js";
import { freePort } from "../kit/process/free-port.js";

/** Runs `tidemark watch` of the built program against a real server, into a pipe or on a real pseudo-terminal. */

const TREE = {
  description: "Import",
  subTasks: [{ description: "read", volume: 10 }, { description: "write" }],
};
const SIZE = { columns: 80, rows: 10 };

let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(() => server.close());

function watchInto(args: readonly string[] = [], url = server.url): Program {
  return Program.node([
    "dist/main.js",
    "watch",
    "--url",
    url,
    "--database",
    SERVER_JOB_KEY.database,
    ...args,
  ]);
}

function watchOn(args: readonly string[] = [], url = server.url): TestTerminal {
  return new TestTerminal(
    ["dist/main.js", "watch", "--url", url, "--database", SERVER_JOB_KEY.database, ...args],
    SIZE,
  );
}

describe("tidemark watch, into a pipe", () => {
  it("prints noteworthy changes, and exits with the code for the end of the job", async () => {
    await store(server.url, { task: TREE });
    await using program = watchInto(["--job", "j"]);
    await program.line((line) => line.includes("u/j  PENDING"));

    await update(server.url, { updates: [{ path: "0", done: 5 }] });
    await program.line((line) => line.endsWith("read RUNNING"));
    await update(server.url, {
      updates: [{ path: "0", status: "FAILED", message: "\u001b[31mno" }, { status: "FAILED" }],
    });

    expect(await program.exited).toEqual({ code: 6, signal: null });
    expect(program.out.slice(-2).map((line) => line.replace(/^\S+ {2}/, ""))).toEqual([
      "u/j  read FAILED: �[31mno",
      expect.stringMatching(/^u\/j {2}FAILED: read: �\[31mno {2}n\/a {2}5\/10\+ {2}in \d+s$/),
    ]);
    expect(program.err).toEqual(["tidemark: live"]);
  });

  it.each([
    ["FINISHED", 0],
    ["CANCELED", 7],
  ])("exits with the code for %s if the job has already ended", async (status, code) => {
    await store(server.url);
    await update(server.url, { updates: [{ status: "RUNNING" }, { status }] });
    await using program = watchInto(["--job", "j"]);

    expect(await program.exited).toEqual({ code, signal: null });
    expect(program.out).toEqual([expect.stringContaining(`u/j  ${status}  `)]);
  });

  it("exits with 3 when the job is removed", async () => {
    await store(server.url);
    await using program = watchInto(["--job", "j"]);
    await program.line((line) => line.includes("PENDING"));

    await ask(server.url, removeTask());

    expect((await program.exited).code).toBe(3);
    expect(program.err).toContain("tidemark: the job was removed (REMOVED)");
  });

  it("waits with --wait for a job that does not exist yet", async () => {
    await using program = watchInto(["--job", "j", "--wait", "--json"]);
    await program.line((line) => line.includes("CaughtUp"));
    await store(server.url);
    await update(server.url, { updates: [{ status: "FINISHED" }] });

    expect((await program.exited).code).toBe(0);
  });

  it("prints one JSON object per line for each event and connection change, with --json", async () => {
    await using proxy = await SeverableProxy.open(server.url);
    await store(server.url, { task: { description: "a\u202eb" } });
    await using program = watchInto(["--json"], proxy.url);
    const stored = await program.line((line) => line.includes("TaskStored"));
    await update(server.url, { updates: [{ done: 1 }] });
    const updated = await program.line((line) => line.includes("TaskUpdated"));
    const before = program.out.length;
    proxy.sever();
    await program.line((line) => line.includes(`"status":"live"`), before);

    expect(stored).toContain(String.raw`"description":"a\u202eb"`);
    expect(JSON.parse(updated)).toMatchObject({
      job: { jobId: "j" },
      changed: [{ path: "", status: "RUNNING" }],
    });
    expect(JSON.parse(program.out[before]!)).toMatchObject({ kind: "Connection", status: "stale" });
  });

  it("ends quietly when the reader closes the pipe", async () => {
    await store(server.url);
    const command = `node dist/main.js watch --json --url ${server.url} --database d`;
    await using shell = new Program("bash", ["-c", `set -o pipefail; ${command} | head -n 1`]);
    await shell.line(() => true);
    await reportUntil(shell.exited);

    expect(await shell.exited).toEqual({ code: 0, signal: null });
    expect(shell.err).toEqual([]);
  });

  it("says on stderr that it waits for the server, or for the first job", async () => {
    await using waiting = watchInto([], `http://127.0.0.1:${await freePort()}`);
    await using idle = watchInto(["--job", "j", "--wait"]);
    const note = await waiting.errorLine((line) => line.startsWith("tidemark: "));
    await idle.errorLine((line) => line.startsWith("tidemark: no such jobs yet"));

    expect(note).toMatch(
      /^tidemark: No server answers at \S+ \(from --url\)\. Start one with "npx tidemark", .* The watch waits for it\.$/,
    );
    expect(idle.out).toEqual([]);
  });

  it("prints to stderr when the connection is lost, and continues when it is back", async () => {
    await using proxy = await SeverableProxy.open(server.url);
    await store(server.url);
    await using program = watchInto([], proxy.url);
    await program.line((line) => line.includes("PENDING"));
    proxy.sever();
    await update(server.url, { updates: [{ done: 10 }] });

    await program.line((line) => line.includes("RUNNING"));

    expect(program.err).toEqual([
      "tidemark: live",
      expect.stringMatching(/^tidemark: stale since \d\d:\d\d:\d\d/),
      "tidemark: live",
    ]);
  });
});

describe.runIf(HAS_TERMINAL)("tidemark watch, on a terminal", () => {
  it("draws the current tree, and restores the terminal at Ctrl+C", async () => {
    await store(server.url, { task: TREE });
    await using terminal = watchOn();
    await terminal.shows((lines) => lines[1]!.startsWith("○ u/j  Import"));
    await update(server.url, { updates: [{ path: "0", done: 5 }] });
    const drawn = await terminal.shows((lines) => /\b50% .*database=d/s.test(lines.join("\n")));

    expect(drawn.slice(0, 5)).toEqual([
      "d  live  1 RUNNING",
      expect.stringMatching(/^● u\/j {2}Import {2}\[~~~~n\/a~~~] {5}n\/a {2}5\/10\+ {2}\ds$/),
      expect.stringMatching(/^├─ ● read {6}\[#####~~~~~] {5}50% {2}5\/10 {2}\ds$/),
      expect.stringMatching(/^└─ ○ write {5}\[~~~~n\/a~~~] {5}n\/a {2}0\/\?$/),
      `${server.url}/?database=d`,
    ]);
    expect([terminal.isAlternate, terminal.isCursorShown]).toEqual([true, false]);

    terminal.type("\u0003");

    expect(await terminal.exited).toBe(130);
    expect([terminal.isAlternate, terminal.isCursorShown]).toEqual([false, true]);
    expect(terminal.lines[0]).toMatch(/^d {2}as of \d\d:\d\d:\d\d {2}1 RUNNING$/);
    expect(terminal.lines[2]).toMatch(/read .* 50%/);
  });

  it("redraws after a resize, and never exceeds the screen", async () => {
    await store(server.url, { task: TREE });
    for (const jobId of ["k", "l"]) await store(server.url, { jobId });
    await update(server.url, { updates: [{ path: "0", done: 5 }] });
    await using terminal = watchOn();
    await terminal.shows((lines) => lines[5]!.startsWith("○ u/k"));

    terminal.resize({ columns: 40, rows: 3 });
    const small = await terminal.shows(([, , last]) => last!.startsWith("… 2 more jobs"));
    terminal.resize({ columns: 110, rows: 30 });
    const large = await terminal.shows((lines) =>
      /##########~~~~~~~~~~] {5}50%.*database=d/s.test(lines.join("\n")),
    );

    expect(small).toEqual([
      "d  live  1 RUNNING, 2 PENDING",
      expect.stringMatching(/^● u\/j {2}Import {5}n\/a {2}5\/10\+/),
      "… 2 more jobs: 2 PENDING",
    ]);
    expect(large.filter((line) => line !== "")).toHaveLength(7);
    expect(large[6]).toBe(`${server.url}/?database=d`);
  });

  it("draws at most ten times a second, and ends with the job, shown as one line", async () => {
    await store(server.url);
    await using terminal = watchOn(["--job", "j"]);
    await terminal.shows((lines) => /live.*database=d/s.test(lines.join("\n")));
    const [drawnBefore, from] = [terminal.drawCount, performance.now()];

    for (let done = 1; done <= 300; done++) await update(server.url, { updates: [{ done, volume: 300 }] });
    await update(server.url, { updates: [{ status: "FINISHED" }] });

    expect(await terminal.exited).toBe(0);
    expect(terminal.drawCount - drawnBefore).toBeLessThanOrEqual((performance.now() - from) / 100 + 2);
    expect(terminal.lines.slice(1, 3)).toEqual([
      expect.stringMatching(/^✔ u\/j {2}work .* 100% {2}300\/300/),
      `${server.url}/?database=d&owner=u&job=j`,
    ]);
  });

  it("shows since when the connection is stale, and that it is live again", async () => {
    await using proxy = await SeverableProxy.open(server.url);
    await store(server.url);
    await using terminal = watchOn([], proxy.url);
    await terminal.shows(([header]) => header!.includes("live"));

    proxy.shut();
    const away = await terminal.shows(([header]) => header!.includes("stale"));
    expect(away[0]).toMatch(/stale since \d\d:\d\d:\d\d {2}\(.+\) {2}1 PENDING$/);
    proxy.reopen();

    const back = await terminal.shows(([header]) => header!.includes("live"));
    expect(back[0]).toBe("d  live  1 PENDING");
  });

  it("shows that it is connecting, and why it has not connected yet", async () => {
    await using terminal = watchOn([], "http://127.0.0.1:1");

    const drawn = await terminal.shows(([header]) => header!.includes("("));
    expect(drawn[0]).toMatch(/^d {2}connecting {2}\(.+\)$/);
  });

  it("says what to do if no server answers, and how to report a job if there is none", async () => {
    await using idle = watchOn();
    await using lost = watchOn([], `http://127.0.0.1:${await freePort()}`);

    const [, first] = await idle.shows(([header]) => header === "d  live  no jobs");
    const shown = await lost.shows((lines) => lines[2] !== "");

    expect(first).toBe("Report one from another terminal with: tidemark run -- COMMAND");
    expect(shown[2]).toBe('Start one with "npx tidemark", or name another with --url or TIDEMARK_URL.');
  });

  it("prints the address once to stderr if only stdout is a pipe, and never with --json", async () => {
    await store(server.url);
    const piped = (...args: string[]): Program =>
      new Program("script", [
        "-qec",
        `node dist/main.js watch --url ${server.url} --db d ${args.join(" ")} | cat`,
        "/dev/null",
      ]);
    await using lines = piped("--job", "j");
    await using json = piped("--json");
    const address = await lines.line((line) => line.includes("also at"));
    await json.line((line) => line.includes("CaughtUp"));

    expect(address).toBe(`tidemark: also at ${server.url}/?database=d&owner=u&job=j`);
    expect(json.out.join()).not.toContain("also at");
  });

  it("does not echo typed keys", async () => {
    await store(server.url);
    await using terminal = watchOn();
    const drawn = await terminal.shows((lines) => /live.*database=d/s.test(lines.join("\n")));

    terminal.type("\r\rhello\r");
    await update(server.url, { updates: [{ done: 5 }] });
    await terminal.shows(([, job]) => job!.includes("50%"));

    expect(terminal.lines.slice(2)).toEqual(drawn.slice(2));
    expect(terminal.written).not.toContain("hello");
  });

  it("prints the reason, and does not touch the screen, if the server rejects the watch", async () => {
    await using terminal = watchOn(["--user", "x".repeat(200)]);

    expect(await terminal.exited).toBe(2);
    expect(terminal.isAlternate).toBe(false);
    expect(terminal.lines[0]).toMatch(/^tidemark: /);
  });
});

/** A program notices a closed pipe only when it writes, so this keeps reporting. */
async function reportUntil(end: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  void end.then(() => over.abort());
  for (let done = 1; !over.signal.aborted; done++) await update(server.url, { updates: [{ done }] });
}
