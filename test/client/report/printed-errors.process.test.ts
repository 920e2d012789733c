import { describe, expect, it } from "vitest";
import { Program } from "../../kit/process/child-process.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { freePort } from "../../kit/process/free-port.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";

const COUNT = `for (const jobId of ["one", "two"]) await tidemark.job({ jobId }, leaf("count")).run(() => {});`;

describe.concurrent("A program without onError", () => {
  it("prints the rejection of each job on one line, and one line for all after the tenth", async () => {
    await using server = await startServer();
    await using program = run(
      `const tidemark = connect({ url: ${JSON.stringify(server.url)}, database: "" });
       for (let id = 1; id < 14; id++) await tidemark.job({ jobId: "j" + id }, leaf("count")).run(() => {});`,
    );

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.err).toHaveLength(11);
    expect(program.err[0]).toMatch(/^tidemark: job "j1": .+\(BAD_USER_INPUT\).* onError /);
    expect(program.err.slice(-2)).toEqual([
      expect.stringMatching(/^tidemark: job "j10": /),
      expect.stringMatching(/^tidemark: job "j11" and others: /),
    ]);
  });

  it("prints different faults of the same code for each job, also after an odd value", async () => {
    await using server = await startServer();
    await using program = run(
      `const tidemark = connect(${JSON.stringify(server.url)});
       const odd = tidemark.job({ jobId: "odd", leaseSeconds: 0 }, leaf("count"));
       odd.progress(40);
       await odd.run(() => {});
       await tidemark.job({ jobId: "x".repeat(300) }, leaf("count")).run(() => {});`,
    );

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.err).toEqual([
      expect.stringMatching(/^tidemark: job "odd": Ignored progress\(40\)/),
      expect.stringMatching(/^tidemark: job "odd": .*lease/),
      expect.stringMatching(/^tidemark: job "x+": .+300 bytes/),
    ]);
  });

  it("prints once that no server answers, where its address came from and what to do, and goes on", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await using program = run(
      `const job = connect().job({}, leaf("count"));
       job.advance();
       job.flush({ timeoutMs: 1 });
       await new Promise((resolve) => setTimeout(resolve, 50));
       await connect({ onError: () => {} }).job({}, leaf("silent")).run(() => {});
       await job.run(() => {});
       console.log("still here");`,
      { TIDEMARK_URL: url },
    );

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.out).toEqual(["still here"]);
    expect(program.err).toEqual([
      expect.stringMatching(
        /^tidemark: No Tidemark server answers at http:.+ECONNREFUSED.+\(npx tidemark\).+ came from TIDEMARK_URL\. The work goes on/,
      ),
    ]);
    expect(program.err[0]).toContain(url);
  });

  it("prints that its token is missing, or where a rejected one came from", async (test) => {
    const tokens = new Tokens({ folder: temporaryFolder(test.onTestFinished) });
    await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth });
    const script = `const tidemark = connect(${JSON.stringify(server.url)}); ${COUNT}`;
    await using missing = run(script);
    await using wrong = run(script, { TIDEMARK_TOKEN: "wrong" });

    expect([await missing.exited, await wrong.exited]).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(missing.err).toEqual([
      expect.stringMatching(
        /\(UNAUTHENTICATED\) The token is missing\. Pass one to connect\(\), or set TIDEMARK_TOKEN\.$/,
      ),
    ]);
    expect(wrong.err).toEqual([
      expect.stringMatching(/\(UNAUTHENTICATED\) The token came from TIDEMARK_TOKEN\./),
    ]);
  });

  it("prints that its token may not report", async (test) => {
    const tokens = new Tokens({ folder: temporaryFolder(test.onTestFinished) });
    const token = await tokens.grant("alice", { role: "viewer" });
    await using server = await startServer({ auth: tokens.auth });
    await using program = run(
      `const tidemark = connect(${JSON.stringify({ url: server.url, token })}); ${COUNT}`,
    );

    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.err).toEqual([
      expect.stringMatching(/^tidemark: job "one": .*\(FORBIDDEN\) The token was passed to connect\(\)\./),
      expect.stringMatching(/^tidemark: job "two": .*\(FORBIDDEN\)/),
    ]);
  });

  it("prints once that a tick has a value that means nothing, and goes on", async () => {
    await using server = await startServer();
    await using program = run(
      `const job = connect(${JSON.stringify(server.url)}).job({ jobId: "odd" }, leaf("count"));
       job.progress(40);
       job.progress(50);
       console.log("still here");`,
    );

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect([program.out, program.err]).toEqual([
      ["still here"],
      [
        expect.stringMatching(
          /^tidemark: job "odd": Ignored progress\(40\) of task "count": expected a fraction from 0 to 1, such as 0\.4 for 40%\./,
        ),
      ],
    ]);
  });
});

function run(script: string, env: Readonly<Record<string, string>> = {}): Program {
  return Program.node(
    ["--input-type=module", "--eval", `import { connect, leaf } from "tidemark-client"; ${script}`],
    { env },
  );
}
