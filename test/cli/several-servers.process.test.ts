import { describe, expect, it } from "vitest";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { Program } from "../kit/process/child-process.js";
import { freePort } from "../kit/process/free-port.js";
import { startServer } from "../kit/server/server.js";
import { JOB, jobOnServer } from "../client/server-jobs.js";
import { store } from "../server/jobs.js";

describe("A command with several servers", () => {
  it("uses the next one if the first is dead, and names both once", async () => {
    await using server = await startServer();
    await store(server.url);
    const dead = await deadUrl();

    const { code, out, err } = await tidemark(["list", "--db", "d", "--url", `${dead},${server.url}`]);

    expect([code, err]).toEqual([0, [movedTo(server.url, dead)]]);
    expect(out[1]).toMatch(/^u +j +PENDING/);
  });

  it("names all servers if none answers", async () => {
    const urls = [await deadUrl(), await deadUrl()];

    const { code, err } = await tidemark(["list"], { TIDEMARK_URL: urls.join() });

    expect(code).not.toBe(0);
    expect(err.join()).toContain(`No server answers at ${urls.join(", ")} (from TIDEMARK_URL).`);
  });

  it("rejects a list with an invalid address, and names that one", async () => {
    const { code, err } = await tidemark(["list", "--url", "http://127.0.0.1:1,nowhere"]);

    expect(code).toBe(2);
    expect(err.join()).toContain(
      'Invalid --url "nowhere": expected an address such as http://127.0.0.1:4000, or several with commas.',
    );
  });

  it("shares a job at the server that answers", async () => {
    await using server = await startServer();
    await store(server.url);

    const { out } = await tidemark(["share", "j", "--db", "d", "--url", `${await deadUrl()},${server.url}`]);

    expect(out[0]).toContain(`${server.url}/?`);
  });
});

describe("tidemark run with several servers", () => {
  it("reports to the next one if the first is dead", async () => {
    await using server = await startServer();
    const dead = await deadUrl();
    const flags = ["--job", "j", "--user", "u", "--db", "d", "--url", `${dead},${server.url}`];

    const { code, err } = await tidemark(["run", ...flags, "--", "echo", "1/1"]);

    expect([code, err[0]]).toEqual([0, movedTo(server.url, dead)]);
    expect((await jobOnServer(server.url, JOB.jobId)).tasks[0]!.status).toBe("FINISHED");
  });
});

describe("tidemark watch with several servers", () => {
  it("continues at the next one when the first is lost", async () => {
    await using server = await startServer();
    await using first = await SeverableProxy.open(server.url);
    await store(server.url);
    const url = `${first.url},${server.url}`;
    await using program = Program.node(["dist/main.js", "watch", "--db", "d", "--url", url]);
    await program.errorLine((line) => line.includes("live"));

    first.shut();
    await program.errorLine((line) => line.includes(`Using ${server.url} now.`));

    expect(program.err.filter((line) => line.includes("failed"))).toEqual([
      expect.stringContaining(`tidemark: ${first.url} failed (`),
    ]);
  });
});

async function tidemark(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
}> {
  await using program = Program.node(["dist/main.js", ...args], { env });
  program.endInput();
  const { code } = await program.exited;
  return { code, out: program.out, err: program.err };
}

function movedTo(to: string, from: string): unknown {
  return expect.stringMatching(
    new RegExp(`^tidemark: ${from} failed \\(connect ECONNREFUSED .+\\)\\. Using ${to} now\\.$`),
  );
}

async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}
