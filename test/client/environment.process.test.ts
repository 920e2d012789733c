import { expect, it } from "vitest";
import { Program } from "../kit/process/child-process.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";

it("connect() and watch() default to the environment variables", async () => {
  const tokens = new Tokens();
  const token = await tokens.grant("alice", { databases: ["movies"] });
  await using server = await startServer({ auth: tokens.auth });
  const env = { TIDEMARK_URL: server.url, TIDEMARK_TOKEN: token, TIDEMARK_DATABASE: "movies" };
  await using program = Program.node(["--input-type=module", "--eval", SCRIPT], { env });

  expect([await program.exited, program.out, program.err]).toEqual([
    { code: 0, signal: null },
    ["movies/alice/import FINISHED"],
    [],
  ]);
});

const SCRIPT = `
  import { connect, leaf, watch } from "tidemark-client";
  await connect().job({ jobId: "import" }, leaf("Import")).run(() => {});
  const watched = watch();
  await watched.untilLive();
  for (const { database, username, jobId, task } of watched.jobs.values())
    console.log(database + "/" + username + "/" + jobId, task.status);
  watched.close();
`;
