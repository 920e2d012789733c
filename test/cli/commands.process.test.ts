import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watch } from "../../src/client/index.js";
import { Program } from "../kit/process/child-process.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { HAS_TERMINAL, TestTerminal } from "../kit/process/terminal.js";
import { SERVER_JOB_KEY, store, taskCount, update } from "../server/jobs.js";

/** Runs the commands of the built program in child processes, against a real server. */

let server: TestServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(() => server.close());

interface Ended {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function tidemark(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const url = { TIDEMARK_URL: server.url, TIDEMARK_DATABASE: SERVER_JOB_KEY.database };
  await using program = Program.node(["dist/main.js", ...args], { env: { ...url, ...env } });
  program.endInput();
  const { code } = await program.exited;
  return { code, out: program.out, err: program.err };
}

function parsed<T>({ out }: Ended): T[] {
  return out.map((line) => JSON.parse(line) as T);
}

async function untilLost(url: string): Promise<void> {
  for await (const event of watch({ url, database: SERVER_JOB_KEY.database })) {
    if ("job" in event && event.job.health === "LOST") return;
  }
}

describe("tidemark list", () => {
  it("prints one line per job, newest first", async () => {
    await store(server.url, { jobId: "one" });
    await store(server.url, { jobId: "two" });

    const { code, out, err } = await tidemark(["list"]);

    expect([code, err]).toEqual([0, []]);
    expect(out.map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
      ["USER", "JOB", "STATUS", "DONE", "COUNT"],
      ["u", "two", "PENDING", "0%", "0/10"],
      ["u", "one", "PENDING", "0%", "0/10"],
    ]);
  });

  it("filters by user, job and status", async () => {
    await store(server.url, { jobId: "one" });
    await store(server.url, { jobId: "one", username: "bob" });
    await store(server.url, { jobId: "two" });
    await update(server.url, { jobId: "two", updates: [{ done: 1 }] });
    const idsOf = async (...filter: string[]): Promise<string[]> =>
      parsed<{ username: string; jobId: string }>(await tidemark(["list", "--json", ...filter])).map(
        ({ username, jobId }) => `${username}/${jobId}`,
      );

    expect(await idsOf("--user", "bob")).toEqual(["bob/one"]);
    expect(await idsOf("--job", "one")).toEqual(["bob/one", "u/one"]);
    expect(await idsOf("--status", "running", "failed")).toEqual(["u/two"]);
  });

  it("distinguishes RUNNING jobs from those whose worker is silent or lost", async () => {
    await using impatient = await startServer({ lease: "20ms", lostAfter: "1" });
    await store(impatient.url, { jobId: "gone" });
    await update(impatient.url, { jobId: "gone", updates: [{ done: 1 }] });
    await store(impatient.url, { jobId: "here", leaseSeconds: 600 });
    await update(impatient.url, { jobId: "here", updates: [{ done: 1 }] });
    const env = { TIDEMARK_URL: impatient.url };
    await untilLost(impatient.url);

    const [running, lost] = [
      await tidemark(["list", "--status", "running", "--json"], env),
      await tidemark(["list", "--status", "lost,silent"], env),
    ];

    expect(parsed<{ jobId: string }>(running).map(({ jobId }) => jobId)).toEqual(["here"]);
    expect(lost.out.slice(1)).toEqual([expect.stringMatching(/^u {5}gone {2}LOST {2}/)]);
  });

  it.runIf(HAS_TERMINAL)("says on a terminal that it waits for a server that does not answer", async () => {
    const silent = createServer(() => {});
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await using terminal = new TestTerminal(["dist/main.js", "list", "--url", url], {
      columns: 200,
      rows: 9,
    });

    expect(await terminal.exited).toBe(4);
    expect(terminal.lines.slice(0, 2)).toEqual([
      `tidemark: waiting for ${url}`,
      `tidemark: No server answers at ${url} (from --url). Check the address, and any proxy in between.`,
    ]);
    silent.close();
  });

  it("says how to report a first job, and which databases have jobs, if it finds none", async () => {
    await store(server.url, { database: "movies" });

    const [all, some] = [await tidemark(["list"]), await tidemark(["list", "--user", "bob"])];

    expect(all.out).toEqual([
      "No jobs in the database d. Report one with: tidemark run -- COMMAND",
      "There is 1 job in --database movies.",
      "List all databases with: tidemark list --all-databases",
    ]);
    expect(some.out[0]).toBe("No matching jobs in the database d.");
  });

  it("reads all pages, or says that the limit hides jobs", async () => {
    for (let number = 0; number < 60; number++) await store(server.url, { jobId: `${number}` });

    const [all, some] = [
      await tidemark(["list", "--all", "--json"]),
      await tidemark(["list", "--limit", "55"]),
    ];

    expect(parsed<{ jobId: string }>(all).map(({ jobId }) => Number(jobId))).toEqual(
      Array.from({ length: 60 }, (_, index) => 59 - index),
    );
    expect([all.err, some.out.length, some.err]).toEqual([
      [],
      56,
      ["Showing the newest 55 of 60 jobs. Pass --all to list all."],
    ]);
  });

  it("prints colours only when forced", async () => {
    await store(server.url);

    const [plain, forced] = [await tidemark(["list"]), await tidemark(["list"], { FORCE_COLOR: "1" })];

    expect([plain, forced].map(({ out }) => out.join("").includes("\u001b["))).toEqual([false, true]);
  });

  it.runIf(HAS_TERMINAL).each([
    ["prints colours on a terminal", {}, true],
    ["prints no colours with NO_COLOR", { NO_COLOR: "1" }, false],
  ])("%s", async (_, env, isColoured) => {
    await store(server.url);
    const args = ["dist/main.js", "list", "--url", server.url, "--database", "d"];
    await using terminal = new TestTerminal(args, { columns: 40, rows: 10 }, env);

    expect(await terminal.exited).toBe(0);
    expect(terminal.lines.slice(0, 3)).toEqual([
      "USER  JOB  STATUS   DONE  DESCRIPTION",
      "u     j    PENDING  0%    work",
      "",
    ]);
    expect(terminal.written.includes("\u001b[")).toBe(isColoured);
  });

  it.each([
    [["list", "--status", "late"], 2, /'late' is invalid. Expected one of FAILED, LOST/],
    [["list", "--limit", "0"], 2, /'0' is invalid/],
    [["list", "--url", "nowhere"], 2, /Invalid --url "nowhere"/],
    [["list", "--url", "http://127.0.0.1:9"], 4, /No server answers at http:\/\/127.0.0.1:9 \(from --url\)/],
    [["show", "u/none"], 3, /job u\/none not found in the database d/],
    [["show"], 2, /expected one job/],
    [["show", "u/j", "--user", "u"], 2, /the user is given twice/],
    [["cancel", "none"], 3, /job none not found/],
    [["remove", "none"], 3, /job none not found/],
    [["purge"], 2, /pass --yes/],
    [["watch", "--wait"], 2, /--wait requires --job/],
    [["watch", "--job", "none"], 3, /job none not found/],
  ])(
    "or another command fails, as %j, with exit code %i and one line on stderr",
    async (args, exitCode, message) => {
      const { code, out, err } = await tidemark(args);

      expect([code, out]).toEqual([exitCode, []]);
      expect(err.filter((line) => line !== "tidemark: live")).toEqual([expect.stringMatching(message)]);
    },
  );
});

describe("tidemark show", () => {
  it("prints the tree, the reason of a failure and the log, and finds the user if the job id is unique", async () => {
    await store(server.url, {
      task: { description: "Import", subTasks: [{ description: "read", volume: 10 }] },
    });
    await update(server.url, {
      updates: [
        { path: "0", done: 3 },
        { status: "FAILED", message: "\u001b[2Jdisk full" },
      ],
      log: [{ path: "0", message: "people.csv" }],
    });

    const { code, out } = await tidemark(["show", "j"]);

    expect(code).toBe(0);
    expect(out[0]).toBe("u/j in d");
    expect(out).toContain("  Reason    �[2Jdisk full");
    expect(out.join("\n")).toMatch(/✖ Import .* 30% {2}FAILED .*\n└─ .* read .* 30%/);
    expect(out.at(-1)).toMatch(/ INFO {5}read: people\.csv$/);
  });

  it("prints the same JSON as list, plus the whole tree and the log", async () => {
    await store(server.url, {
      task: { description: "Import", subTasks: [{ description: "read", volume: 10 }] },
    });
    await update(server.url, { log: [{ path: "0", message: "people.csv" }] });

    const [[shown], [listed]] = [
      parsed<{ task: object; log: object }>(await tidemark(["show", "j", "--json"])),
      parsed<{ task: object }>(await tidemark(["list", "--json"])),
    ];

    const { log, ...job } = shown!;
    const read = { path: "0", description: "read", status: "PENDING", subTasks: [] };
    expect(job).toEqual({
      ...listed,
      task: { ...listed!.task, subTasks: [expect.objectContaining(read)] },
    });
    expect(log).toEqual([expect.objectContaining({ path: "0", message: "people.csv" })]);
  });

  it("requires the user if several users have a job with this id", async () => {
    await store(server.url);
    await store(server.url, { username: "bob" });

    const [unclear, clear] = [await tidemark(["show", "j"]), await tidemark(["show", "bob/j", "--json"])];

    expect([unclear.code, unclear.err]).toEqual([
      2,
      ["tidemark: 2 users have a job with this id: pass one of bob/j, u/j"],
    ]);
    expect(parsed(clear)).toEqual([expect.objectContaining({ username: "bob", jobId: "j", attempt: 1 })]);
  });
});

describe("tidemark list --all-databases", () => {
  it("lists the databases with their numbers of jobs", async () => {
    await store(server.url, { jobId: "one" });
    await store(server.url, { jobId: "two" });
    await update(server.url, { jobId: "two", updates: [{ done: 1 }] });
    await store(server.url, { database: "movies" });
    const table = await tidemark(["list", "--all-databases"]);
    const json = await tidemark(["list", "--all-databases", "--json"]);

    expect(table.out).toEqual(["DATABASE  RUNNING  TOTAL", "d         1        2", "movies    0        1"]);
    expect(parsed(json)).toMatchObject([
      { name: "d", running: 1, total: 2 },
      { name: "movies", running: 0, total: 1 },
    ]);
  });
});

describe("tidemark cancel", () => {
  it("requests a cancel with a reason, and prints the first request if it is repeated", async () => {
    await store(server.url);

    const first = await tidemark(["cancel", "u/j", "--reason", "wrong data", "--json"]);
    const second = await tidemark(["cancel", "u/j", "--reason", "another"]);

    expect(parsed(first)).toEqual([
      expect.objectContaining({ cancelRequest: expect.objectContaining({ reason: "wrong data" }) }),
    ]);
    expect(second.out).toEqual([
      expect.stringMatching(/^Cancel requested for u\/j by anonymous at .*: wrong data$/),
    ]);
  });

  it("exits with 1 for a job that has ended, and names the job", async () => {
    await store(server.url);
    await update(server.url, { updates: [{ status: "FINISHED" }] });

    expect(await tidemark(["cancel", "j"])).toEqual({
      code: 1,
      out: [],
      err: ["tidemark: Job u/j has already ended (FINISHED)."],
    });
  });
});

describe("tidemark share", () => {
  it("rejects a duration that is too long", async () => {
    expect(await tidemark(["share", "j", "--expires", "40d"])).toEqual({
      code: 2,
      out: [],
      err: [`tidemark: Invalid --expires "40d": expected a duration from 1m to 30d, such as 24h or 7d.`],
    });
  });
});

describe("tidemark remove", () => {
  it("deletes the job from the server", async () => {
    await store(server.url);

    expect((await tidemark(["remove", "u/j"])).out).toEqual(["Removed u/j (PENDING)."]);
    expect((await tidemark(["remove", "u/j"])).code).toBe(3);
    expect(await taskCount(server.url)).toBe(0);
  });
});

describe("tidemark purge", () => {
  it("removes all jobs of the database, and of no other database", async () => {
    await store(server.url, { jobId: "one" });
    await store(server.url, { jobId: "two" });
    await store(server.url, { database: "other" });

    expect(parsed(await tidemark(["purge", "--yes", "--json"]))).toEqual([{ database: "d", removed: 2 }]);
    expect([await taskCount(server.url), await taskCount(server.url, "other")]).toEqual([0, 1]);
  });

  it("deletes the database with --delete, and says whether it existed", async () => {
    await store(server.url);

    expect((await tidemark(["purge", "--delete", "--yes"])).out).toEqual(["Deleted the database d."]);
    expect((await tidemark(["purge", "--delete", "--yes"])).out).toEqual(["There is no database d."]);
    expect(parsed(await tidemark(["purge", "--delete", "--yes", "--json"]))).toEqual([
      { database: "d", deleted: false },
    ]);
  });

  it.runIf(HAS_TERMINAL).each([
    ["y\r", 0, 0, "Removed 1 job from the database d."],
    ["\r", 1, 1, "tidemark: not confirmed: no job was removed"],
    ["\u0004", 1, 1, "tidemark: not confirmed: no job was removed"],
    ["\u0003", 130, 1, "tidemark: interrupted"],
  ])(
    "asks for confirmation on a terminal, and the answer %j ends it with exit code %i",
    async (answer, exitCode, jobsLeft, line) => {
      await store(server.url);
      const args = ["dist/main.js", "purge", "--url", server.url, "--database", "d"];
      await using terminal = new TestTerminal(args, { columns: 100, rows: 10 });
      await terminal.shows(([first]) =>
        first!.startsWith("Permanently remove 1 job (0 RUNNING) from the database d? [y/N]"),
      );

      terminal.type(answer);

      expect(await terminal.exited).toBe(exitCode);
      expect(terminal.lines).toContain(line);
      expect(await taskCount(server.url)).toBe(jobsLeft);
    },
  );
});

describe("tidemark --help", () => {
  it("has examples that work as they stand", async () => {
    const help = await tidemark(["--help"]);
    const lines = help.out.join("\n").matchAll(/^ {2}\$ (tidemark \w.*?)(?: {2,}.*)?$/gm);
    const examples = [...lines].map(([, example]) => example!);
    const [run, ...others] = examples;
    const script = (example: string): Program =>
      new Program("bash", ["-c", `tidemark() { exec node dist/main.js "$@"; }; ${example}`], {
        env: { TIDEMARK_URL: server.url },
      });
    await using running = script(run!);
    await running.errorLine((line) => line.includes("watch it at"));

    const codes = await Promise.all(
      others
        .filter((example) => / (list|show|share|cancel) ?/.test(example))
        .map(async (example) => {
          await using program = script(example);
          return [example, (await program.exited).code];
        }),
    );

    expect(codes).toEqual([
      ["tidemark list", 0],
      ["tidemark show count", 0],
      ["tidemark share count", 0],
      [`tidemark cancel count --reason "too slow"`, 0],
    ]);
    expect((await running.exited).code).toBe(143);
  });

  /** Prints each loaded module to stderr. */
  const PRINT_MODULES = `data:text/javascript,${encodeURIComponent(`
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(\`
      import { writeSync } from "node:fs";
      export function load(url, context, next) { writeSync(2, url + "\\\\n"); return next(url, context); }
    \`));
  `)}`;

  it.each([[["--help"]], [["watch", "--help"]], [["serve", "--help"]]])(
    "loads no implementation of a command: %j",
    async (args) => {
      await using program = Program.node(["--import", PRINT_MODULES, "dist/main.js", ...args]);

      expect((await program.exited).code).toBe(0);
      expect(program.err.join("\n")).toContain("dist/cli/program.js");
      expect(program.err.join("\n")).not.toMatch(/lmdb|graphql|pino|\/dist\/(server|client|cli\/actions)\//);
    },
  );
});
