import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { connect } from "../../../src/client/index.js";
import { ShowJobDocument } from "../../../src/client/generated/graphql.js";
import { waitForJob, JOB, linesOf, jobOnServer, type ServerJob } from "../../client/server-jobs.js";
import { freePort } from "../../kit/process/free-port.js";
import { PROJECT, Program } from "../../kit/process/child-process.js";
import { ask } from "../../kit/network/raw-http.js";
import { HAS_TERMINAL, TestTerminal } from "../../kit/process/terminal.js";
import { startServer } from "../../kit/server/server.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { Tokens } from "../../kit/server/tokens.js";
import { requestCancel } from "../../server/jobs.js";

/** Runs the built command with real programs and a real server. */

const UNREACHABLE = "http://127.0.0.1:1";
const NOTE: unknown = expect.stringMatching(/^tidemark: watch it at /);

describe("The output of a command", () => {
  it("passes through byte for byte on stdout and stderr, and the input reaches the command", async () => {
    const bytes = randomBytes(3_000_000);

    const { code, out, err } = await run(UNREACHABLE, ["tee", "/dev/stderr"], { input: bytes });

    expect([code, out.equals(bytes), err.equals(bytes)]).toEqual([0, true, true]);
  });

  it("is fully written before the exit, even to a slow reader", async () => {
    const child = start(UNREACHABLE, ["sh", "-c", "head -c 900000 /dev/zero; echo printed >&2"]);
    await once(child.stderr, "data");
    await run(UNREACHABLE, ["true"]); // the reader waits for a whole other run

    expect((await buffer(child.stdout)).length).toBe(900_000);
  });

  it("ends with the command, even if a background process keeps the pipe open", async () => {
    const { code, out } = await run(UNREACHABLE, ["sh", "-c", "sleep 600 & echo $!"]);
    process.kill(Number(out.toString()));

    expect(code).toBe(0);
  });

  it("ends the command when the reader closes the pipe", async () => {
    const child = start(UNREACHABLE, ["yes"]);
    await once(child.stdout, "data");
    child.stdout.destroy();

    expect(await once(child, "exit")).toEqual([141, null]);
  });
});

describe("The exit code", () => {
  it.each([
    ["that of the command", ["sh", "-c", "exit 3"], 3, ""],
    ["128 plus the signal that killed it", ["sh", "-c", "kill -KILL $$"], 137, ""],
    ["127 if it is not found", ["no-such-program"], 127, "tidemark: no-such-program: command not found\n"],
    [
      "127 with a hint if it is a line for a shell",
      ["for i in 1; do echo; done"],
      127,
      "tidemark: for i in 1; do echo; done: command not found. To run a shell command line, use: tidemark run -- sh -c '…'\n",
    ],
    ["126 if it can't be executed", ["/"], 126, "tidemark: /: can't be executed\n"],
    ["127 if its name is empty", [""], 127, "tidemark: : command not found\n"],
  ])("of a command is %s", async (_, command, code, said) => {
    const { err, ...end } = await run(UNREACHABLE, command);

    expect([end.code, err.toString()]).toEqual([code, said]);
  });

  it("is 2 if the command is missing or an option is invalid", async () => {
    expect((await run(UNREACHABLE, [])).code).toBe(2);
    expect((await run("nowhere", ["true"])).code).toBe(2);
    expect((await run(UNREACHABLE, ["true"], { flags: ["--kill-after", "5"] })).code).toBe(2);
  });
});

describe("The job of a command", () => {
  it("has the phases, the last line and the warnings of the output", async () => {
    await using server = await startServer();
    const script = "cat test/cli/recorded/rsync-progress.txt; echo 'a.c:1: warning: unused'; echo all done";

    await run(server.url, ["sh", "-c", script], { flags: ["--name", "Copy"] });
    const job = await jobOnServer(server.url);

    expect(linesOf(job)).toEqual([
      "Copy FINISHED 611/611",
      "sh FINISHED 100/100",
      "files FINISHED 11/11",
      ...[2, 3, 4, 5, 6].map((file) => `file${file}.bin FINISHED 100/100`),
    ]);
    expect(job.tasks.slice(0, 2).map(({ message }) => message)).toEqual(["all done", "file1.bin"]);
    expect(job.log).toEqual([{ level: "WARNING", path: "", message: "a.c:1: warning: unused" }]);
  });

  it("has the progress of an unfinished line", async () => {
    await using server = await startServer();
    await using program = tidemark(server.url, ["sh", "-c", `printf '\\r10%%\\r45%%'; read line`]);

    const job = await waitForJob(server.url, ({ tasks }) => tasks[1]?.progress.done === 45);
    program.endInput();

    expect(linesOf(job)).toEqual([
      `sh -c 'printf '\\''\\r10%%\\r45%%'\\''; read line' RUNNING 45/100`,
      "sh RUNNING 45/100",
    ]);
  });

  it("fails with the last lines of output, without control characters", async () => {
    await using server = await startServer();
    const script =
      "for n in 1 2 3 4 5 6 7 8 9 10 11; do echo line $n; done; printf '\\033[31mno\\007 more\\033[0m\\n'; exit 7";

    const { code } = await run(server.url, ["sh", "-c", script]);
    const [root, ...below] = (await jobOnServer(server.url)).tasks;

    expect([code, root!.status, ...below.map(({ status }) => status)]).toEqual([7, "FAILED", "FAILED"]);
    expect(root!.message).toMatch(/^Exit code 7: line 3 \| (line \d+ \| )+line 11 \| no more$/);
  });

  it("leaves counter lines out of its message, unless the output has no other lines", async () => {
    await using server = await startServer();
    const steps = "for i in 1 2 3; do echo step $i/5; done";
    const messageOf = async (script: string): Promise<string | null> => {
      await run(server.url, ["sh", "-c", script]);
      return endOf(await jobOnServer(server.url))[1];
    };

    expect(await messageOf(`echo begin; ${steps}`)).toBe("begin");
    expect(await messageOf(`${steps}; echo boom…; exit 42`)).toBe("Exit code 42: boom…");
    expect(await messageOf(`${steps}; exit 42`)).toBe("Exit code 42: step 3/5");
    expect(linesOf(await jobOnServer(server.url)).slice(1)).toEqual(["sh FAILED 3/5"]);
  });

  it("is named after the command line if --name is empty", async () => {
    await using server = await startServer();
    await run(server.url, ["echo", "hello"], { flags: ["--name", ""] });

    expect((await jobOnServer(server.url)).tasks[0]!.description).toBe("echo hello");
  });

  it("fails if the command is not found", async () => {
    await using server = await startServer();
    await run(server.url, ["no-such-program"]);

    expect(endOf(await jobOnServer(server.url))).toEqual(["FAILED", "no-such-program: command not found"]);
  });

  it("has a unique id, which --verbose prints", async () => {
    await using server = await startServer();
    const { err } = await run(server.url, ["true"], {
      flags: ["--verbose"],
      isNamed: false,
      isQuiet: false,
    });
    const [, jobId] = /^tidemark: job (true-\d{8}-\d{6}-[\da-f]{6}), in database d at /.exec(err.toString())!; // else the test fails

    expect(endOf(await jobOnServer(server.url, jobId))).toEqual(["FINISHED", null]);
  });
});

describe("A signal", () => {
  it("reaches the command, and cancels its job", async () => {
    await using server = await startServer();
    await using program = tidemark(
      server.url,
      node(`process.on("SIGTERM", () => process.exit(9)); ${READY}`),
    );
    await program.line((line) => line === "ready");
    program.signal("SIGTERM");

    expect(await program.exited).toEqual({ code: 9, signal: null });
    expect(endOf(await jobOnServer(server.url))).toEqual(["CANCELED", "Interrupted by SIGTERM"]);
  });

  it.each<[NodeJS.Signals, number | null, NodeJS.Signals | null]>([
    ["SIGTERM", 143, null],
    ["SIGHUP", 129, null],
    ["SIGQUIT", 131, null],
    ["SIGINT", null, "SIGINT"],
  ])("%s that kills the command ends tidemark as it would end a shell", async (signal, code, killedBy) => {
    await using program = tidemark(UNREACHABLE, ["sh", "-c", "ulimit -c 0; echo ready; exec sleep 600"]);
    await program.line((line) => line === "ready");
    program.signal(signal);

    expect(await program.exited).toEqual({ code, signal: killedBy });
  });

  it("that is user-defined does not cancel the job", async () => {
    await using server = await startServer();
    await using program = tidemark(
      server.url,
      node(`process.on("SIGUSR2", () => process.exit(4)); ${READY}`),
    );
    await program.line((line) => line === "ready");
    program.signal("SIGUSR2");

    expect((await program.exited).code).toBe(4);
    expect(endOf(await jobOnServer(server.url))).toEqual(["FAILED", "Exit code 4: ready"]);
  });

  it("from a key at a terminal reaches the command once", async () => {
    const counts = `let count = 0; process.on("SIGINT", () => console.log("interrupt", ++count)); ${READY}
      process.stdin.on("data", () => { console.log("count", count); process.exit(); });`;
    const line = [process.execPath, "dist/main.js", "run", "--url", UNREACHABLE, "--", ...node(counts)];
    const quoted = line.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    await using terminal = new Program("script", ["-qec", quoted, "/dev/null"]);
    await terminal.line((text) => text.includes("ready"));
    terminal.write("\u0003");
    await terminal.line((text) => text.includes("interrupt"));
    terminal.write("\n");

    expect(await terminal.line((text) => text.includes("count"))).toBe("count 1");
  });
});

describe("A cancel request", () => {
  it("ends the command by SIGTERM and cancels the job", async () => {
    await using server = await startServer();
    await using program = tidemark(server.url, ["sleep", "600"]);
    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "RUNNING");
    await ask(server.url, requestCancel({ ...JOB, reason: "wrong folder" }));

    expect(await program.exited).toEqual({ code: 143, signal: null });
    const [status, message] = endOf(await jobOnServer(server.url));
    expect([status, message]).toEqual(["CANCELED", expect.stringContaining("wrong folder")]);
  });

  it("ends the command by SIGKILL if SIGTERM does not end it in time", async () => {
    await using server = await startServer();
    const slow = node(`process.on("SIGTERM", () => setTimeout(() => process.exit(0), 8_000)); ${READY}`);
    await using program = tidemark(server.url, slow, ["--kill-after", "50ms"]);
    await program.line((line) => line === "ready");
    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "RUNNING");
    await ask(server.url, requestCancel({ ...JOB }));

    expect(await program.exited).toEqual({ code: 137, signal: null });
    expect(endOf(await jobOnServer(server.url))[0]).toBe("CANCELED");
  });

  it("does not cancel the job if the command exits with 0", async () => {
    await using server = await startServer();
    await using program = tidemark(
      server.url,
      node(`process.on("SIGTERM", () => process.exit(0)); ${READY}`),
    );
    await program.line((line) => line === "ready");
    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "RUNNING");
    await ask(server.url, requestCancel({ ...JOB }));

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(endOf(await jobOnServer(server.url))[0]).toBe("FINISHED");
  });
});

/** These tests wait, so they run at once. */
describe.concurrent("A server", () => {
  it("that is unreachable changes nothing, prints nothing with --quiet, and causes no wait", async () => {
    const child = start(UNREACHABLE, ["echo", "hello"], ["--quiet"]);
    const said = buffer(child.stderr);
    const [out] = await once(child.stdout, "data");
    const printedAt = performance.now();
    const exit = await once(child, "exit");

    expect([String(out), exit, String(await said)]).toEqual(["hello\n", [0, null], ""]);
    expect(performance.now() - printedAt).toBeLessThan(4_000); // for a stored job it would wait 5 s
  });

  it("that starts later receives the whole job", async () => {
    const port = await freePort();
    await using program = tidemark(`http://127.0.0.1:${port}`, [
      "sh",
      "-c",
      "printf '3/10\\r4/10\\r'; read line",
    ]);
    await program.line(() => true);
    await using server = await startServer({ port });
    await waitForJob(server.url, ({ tasks }) => tasks[1]?.progress.done === 4);
    program.write("\n");

    expect((await program.exited).code).toBe(0);
    expect(endOf(await jobOnServer(server.url))[0]).toBe("FINISHED");
  });

  it("that has stored the job is waited for if it is unreachable at the end", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await using program = tidemark(network.url, ["sh", "-c", "read line; echo end"]);
    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "RUNNING");
    network.shut();
    program.write("\n");
    await program.line((line) => line === "end");
    await once(spawn(process.execPath, ["--eval", ""]), "exit"); // the outage lasts for a whole other process
    network.reopen();

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(endOf(await jobOnServer(server.url))[0]).toBe("FINISHED");
  });

  it("that stops meanwhile does not change the exit code", async () => {
    const server = await startServer();
    await using program = tidemark(server.url, ["sh", "-c", "read line; echo end; exit 5"]);
    await waitForJob(server.url, ({ tasks }) => tasks[0]!.status === "RUNNING");
    await server.close();
    program.write("\n");

    expect(await program.exited).toEqual({ code: 5, signal: null });
    expect([program.out, program.err.slice(1)]).toEqual([
      ["end"],
      [expect.stringMatching(/^tidemark: the end of the job was not reported: No server answers at /)],
    ]);
  });
});

describe("A server that rejects the job", () => {
  it.each([
    [
      "no token",
      () => "",
      /^(tidemark: the job (is|was) not reported: The server at \S+ requires a token: .*\n)+$/,
    ],
    [
      "a wrong token",
      () => "wrong",
      /^(tidemark: the job (is|was) not reported: The server at \S+ rejects the token from --token: .*\n)+$/,
    ],
    [
      "a token that only permits reading",
      (viewers: string) => viewers,
      /^(tidemark: the job (is|was) not reported: Reporting a job requires the role reporter; .*\n)+$/,
    ],
  ])("is named on stderr, also with --quiet: %s", async (_, tokenOf, said) => {
    const tokens = new Tokens();
    const viewers = await tokens.grant("u", { role: "viewer" });
    await using server = await startServer({ auth: tokens.auth });
    const { code, out, err } = await run(server.url, ["sh", "-c", "echo out; exit 3"], {
      flags: ["--token", tokenOf(viewers)],
    });

    expect([code, out.toString(), err.toString()]).toEqual([3, "out\n", expect.stringMatching(said)]);
  });

  it("because of an invalid job id causes one line on stderr", async () => {
    await using server = await startServer();
    const { code, err } = await run(server.url, ["true"], { flags: ["--job", ""], isNamed: false });

    expect([code, err.toString()]).toEqual([0, expect.stringContaining("not reported: The jobId is empty.")]);
  });
});

describe("The address of the job", () => {
  it.each([
    ["anonymous", [], (): object => ({})],
    ["bob", ["--user", "bob"], (): object => ({})],
    ["alice", [], ({ auth }: Tokens): object => ({ auth })],
  ] as const)(
    "is printed once, and names the owner that the server decides on: %s",
    async (owner, flags, settingsWith) => {
      const tokens = new Tokens();
      const token = await tokens.grant("alice");
      await using server = await startServer({ ...settingsWith(tokens) });

      const child = spawn(process.execPath, ["dist/main.js", "run", ...flags, "echo", "hello"], {
        cwd: PROJECT,
        env: { ...process.env, TIDEMARK_URL: server.url, TIDEMARK_TOKEN: token },
      });
      const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
      const [, address] = /^tidemark: watch it at (http:\S+)\n$/.exec(String(err))!;
      const { origin, searchParams } = new URL(address!);
      const [database, username, jobId] = ["database", "owner", "job"].map((name) => searchParams.get(name));
      const stored = await connect({ url: server.url, token }).request(ShowJobDocument, {
        database: database!,
        username: username!,
        jobId: jobId!,
        lines: 1,
      });

      expect([String(out), origin, database, username]).toEqual(["hello\n", server.url, "default", owner]);
      expect(stored.task?.jobId).toBe(jobId);
    },
  );

  it("is not printed with --quiet", async () => {
    await using server = await startServer();

    expect(String((await run(server.url, ["true"])).err)).toBe("");
  });

  it.runIf(HAS_TERMINAL).each([
    ["ended", String.raw`done\n`, ["half of it: 50%done", NOTE]],
    ["never ended", "", ["half of it: 50%", NOTE]],
  ])("waits on a terminal until a line that the command has begun is %s", async (_, rest, lines) => {
    await using server = await startServer();
    const script = `stty -echo; printf 'half of it: 50%%'; read line; printf '${rest}'`;
    await using terminal = new TestTerminal(argumentsOf(server.url, ["sh", "-c", script], NAMED), {
      columns: 200,
      rows: 9,
    });
    await terminal.shows(([first]) => first === "half of it: 50%");
    await waitForJob(server.url, ({ tasks }) => tasks.length > 0);
    terminal.type("\r");

    expect(await terminal.exited).toBe(0);
    expect(terminal.lines.slice(0, 2)).toEqual(lines);
  });

  it.runIf(HAS_TERMINAL)("is above a bar that the command draws again and again", async () => {
    await using server = await startServer();
    const bar = `setInterval(() => process.stdout.write("\\r####  50%"), 20)`;
    const script = `printf '####'; exec "$0" --eval '${bar}'`;
    await using terminal = new TestTerminal(
      argumentsOf(server.url, ["sh", "-c", script, process.execPath], NAMED),
      { columns: 200, rows: 9 },
    );

    const lines = await terminal.shows((shown) =>
      ["watch it at", "50%"].every((text) => shown.some((line) => line.includes(text))),
    );

    expect(lines.slice(0, 3)).toEqual([NOTE, "####  50%", ""]);
  });
});

describe.skipIf(!HAS_TERMINAL)("A long command without progress", { concurrent: true }, () => {
  it.each([
    ["on a terminal", [], true],
    ["not with --quiet", ["--quiet"], false],
  ])("is noted at its end: %s", async (_, flags, isNoted) => {
    await using server = await startServer();
    await using terminal = new TestTerminal(
      argumentsOf(server.url, ["sh", "-c", "sleep 3.1; echo done"], [...NAMED, ...flags]),
      { columns: 200, rows: 9 },
    );

    expect(await terminal.exited).toBe(0);
    expect(terminal.written.includes("no progress was recognized in the output")).toBe(isNoted);
  });
});

describe("A server that does not take the job", () => {
  it("is named on stderr at once, and again after the output of the command", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await using program = tidemark(url, ["sh", "-c", "echo begin; read line; echo end; exit 3"]);
    await program.errorLine((line) => line.includes("is not reported"));
    program.write("\n");

    expect(await program.exited).toEqual({ code: 3, signal: null });
    expect(program.out).toEqual(["begin", "end"]);
    const remedy = `No server answers at ${url} (from --url). Start one with "npx tidemark", or name another with --url or TIDEMARK_URL.`;
    expect(program.err).toEqual([
      `tidemark: the job is not reported: ${remedy}`,
      `tidemark: the job was not reported: ${remedy}`,
    ]);
  });

  it("may have another worker with the same job id", async () => {
    await using server = await startServer();
    await using first = tidemark(server.url, ["sh", "-c", "read line"]);
    await first.errorLine((line) => line.includes("watch it at"));
    await run(server.url, ["true"]);
    first.write("\n");

    expect(await first.errorLine((line) => line.includes("reported"))).toBe(
      'tidemark: the job is not reported: Another worker uses the job id j (a second "tidemark run"?). Give each its own --job.',
    );
  });

  it("is named once if no output follows", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await using program = tidemark(url, ["sh", "-c", "read line"]);
    await program.errorLine((line) => line.includes("is not reported"));
    program.write("\n");
    await program.exited;

    expect(program.err).toHaveLength(1);
  });

  it("may be of another kind", async () => {
    const other = createServer((_, response) => response.writeHead(404).end("<html>"));
    await once(other.listen(0, "127.0.0.1"), "listening");
    const { port } = other.address() as AddressInfo;
    const { code, out, err } = await run(`http://127.0.0.1:${port}`, ["echo", "hello"], { isQuiet: false });
    other.close();

    expect([code, String(out)]).toEqual([0, "hello\n"]);
    expect(String(err)).toMatch(
      /^tidemark: .* Not a Tidemark server at \S+ \(HTTP status 404\)\. .* from --url\.\n$/m,
    );
  });
});

describe("The arguments of a command", () => {
  it("may be options without -- before the command", async () => {
    const { code, out } = await run(UNREACHABLE, [], {
      flags: ["printf", "%s ", "-o", "--url", "--", "--quiet"],
    });

    expect([code, String(out)]).toEqual([0, "-o --url -- --quiet "]);
  });

  it("reach the command and its output unchanged, but no secret among them reaches the server", async () => {
    await using server = await startServer();
    const secret = "k3pT-s3cr3t";
    const script = `echo "warning: token=$2"; printf '%s %s 1/9\\n' "$@"; printf '%s %s 2/9\\n' "$@"; echo "$@"; exit 4`;
    const { code, out } = await run(server.url, [
      "env",
      `API_KEY=${secret}`,
      "sh",
      "-c",
      script,
      "sh",
      "--password",
      secret,
      `https://alice:${secret}@example.org`,
    ]);
    const job = await jobOnServer(server.url);

    expect([code, String(out)]).toEqual([
      4,
      expect.stringContaining(`--password ${secret} https://alice:${secret}@`),
    ]);
    expect(JSON.stringify(job)).not.toContain(secret);
    expect(job.tasks[0]).toMatchObject({
      description: expect.stringMatching(
        /^env API_KEY=\*\*\* sh -c .* --password \*\*\* https:\/\/alice:\*\*\*@example\.org$/,
      ),
      message: expect.stringMatching(
        /^Exit code 4: .*--password \*\*\* https:\/\/alice:\*\*\*@example\.org$/,
      ),
    });
    expect(job.log.map(({ message }) => message)).toEqual(["warning: token=***"]);
  });
});

describe("With --tty a command", () => {
  it("writes to a terminal, and keeps its exit code", async () => {
    const { code, out } = await run(
      UNREACHABLE,
      ["sh", "-c", `test -t 1 && stty size; echo "$1"; exit 4`, "sh", "it's"],
      {
        flags: ["--tty"],
      },
    );

    expect([code, out.toString()]).toEqual([4, "24 80\r\nit's\r\n"]);
  });
});

const READY = `console.log("ready"); setInterval(() => {}, 60_000);`;

function node(script: string): string[] {
  return [process.execPath, "--eval", script];
}

function argumentsOf(url: string, command: readonly string[], flags: readonly string[]): string[] {
  return [
    "dist/main.js",
    "run",
    "--url",
    url,
    "--database",
    JOB.database,
    "--user",
    JOB.username,
    ...flags,
    ...(command.length > 0 ? ["--", ...command] : []),
  ];
}

const NAMED = ["--job", JOB.jobId];

function tidemark(url: string, command: readonly string[], flags: readonly string[] = []): Program {
  return Program.node(argumentsOf(url, command, [...NAMED, ...flags]));
}

function start(url: string, command: readonly string[], flags: readonly string[] = NAMED) {
  return spawn(process.execPath, argumentsOf(url, command, flags), { cwd: PROJECT });
}

interface RunOptions {
  readonly input?: Uint8Array;
  readonly flags?: readonly string[];
  readonly isNamed?: boolean;
  /** Whether the only notes on stderr are rejections. Default true. */
  readonly isQuiet?: boolean;
}

/** Runs `tidemark run` to its end and collects stdout and stderr. */
async function run(
  url: string,
  command: readonly string[],
  { input, flags = [], isNamed = true, isQuiet = true }: RunOptions = {},
) {
  const child = start(url, command, [...(isNamed ? NAMED : []), ...(isQuiet ? ["--quiet"] : []), ...flags]);
  child.stdin.on("error", () => {}); // the command may end before it has read all input
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, "close"),
  ]);
  return { code: code as number | null, out, err };
}

function endOf({ tasks: [root] }: ServerJob): readonly [status: string, message: string | null] {
  return [root!.status, root!.message];
}
