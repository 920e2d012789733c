import { describe, expect, it } from "vitest";
import { Program } from "../../kit/process/child-process.js";
import { freePort } from "../../kit/process/free-port.js";
import { startServer } from "../../kit/server/server.js";

describe("A program without onError", () => {
  it("prints the first rejection on one line, and no further one", async () => {
    await using server = await startServer();
    await using program = run(
      `const tidemark = connect(${JSON.stringify(server.url)});
       for (const jobId of ["one", "two"]) await tidemark.job({ jobId, database: "" }, leaf("count")).run(() => {});`,
    );

    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.err).toEqual([
      expect.stringMatching(/^tidemark: job "one" rejected: .+\(BAD_USER_INPUT\).* onError /),
    ]);
  });

  it("prints nothing when no server answers, and a flush that nothing awaits does not end it", async () => {
    await using program = run(
      `const job = connect("http://127.0.0.1:${await freePort()}").job({}, leaf("count"));
       job.task.advance();
       job.flush({ timeoutMs: 1 });
       await new Promise((resolve) => setTimeout(resolve, 50));
       console.log("still here");`,
    );

    expect([await program.exited, program.out, program.err]).toEqual([
      { code: 0, signal: null },
      ["still here"],
      [],
    ]);
  });
});

function run(script: string): Program {
  return Program.node([
    "--input-type=module",
    "--eval",
    `import { connect, leaf } from "tidemark-client"; ${script}`,
  ]);
}
