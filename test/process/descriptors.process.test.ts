import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { Program, readyLine } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { HttpConnection, RawConnection } from "../kit/network/raw-http.js";
import { storeTask } from "../server/jobs.js";

const HAS_PRLIMIT = spawnSync("prlimit", ["--version"]).status === 0;
const OPEN_FILES = 1_024;
/** As many as a server without a reserve would accept. */
const IDLE = 998;

describe.skipIf(!HAS_PRLIMIT)("A server whose limit of open files is low", () => {
  it("names the numbers and lowers its limits when it starts", async () => {
    await using server = limitedServer();
    await readyLine(server);

    const warning = await server.line((line) => line.includes("limit of open files"));

    expect(JSON.parse(warning)).toMatchObject({
      level: 40,
      msg: expect.stringMatching(
        /^the limit of open files is 1024, and the settings need 2\d{4}\. .*\(ulimit -n 2\d{4}/,
      ) as unknown,
    });
  });

  it("answers health probes and writes to open and new databases while idle connections fill it", async () => {
    await using server = limitedServer();
    const { url } = await readyLine(server);
    using worker = new HttpConnection(url);
    await worker.post(storeTask({ database: "open" }));
    const idle = await Promise.all(Array.from({ length: IDLE }, () => RawConnection.open(url)));

    const statuses = [];
    for (const path of ["/health", "/ready", "/metrics"]) {
      using probe = new HttpConnection(url);
      statuses.push((await probe.request({ path })).status);
    }
    const writes = [];
    for (const database of ["open", "new", "another", "and-another"])
      writes.push((await worker.post(storeTask({ database }))).body);
    for (const connection of idle) connection[Symbol.dispose]();

    expect(statuses).toEqual([200, 200, 200]);
    expect(writes.filter((answer) => answer.includes("errors"))).toEqual([]);
    expect(server.err).toEqual([]);
  });
});

describe.skipIf(!HAS_PRLIMIT)("A command whose limit of open files is too low", () => {
  it.each([
    ["serve", 64, 128],
    ["serve", 255, 256],
    ["list", 64, 128],
  ])("%s exits with one line that names the limit %i and the remedy", async (command, limit, least) => {
    await using program = new Program("prlimit", [
      `--nofile=${limit}:${limit}`,
      process.execPath,
      "dist/main.js",
      command,
    ]);

    expect((await program.exited).code).toBe(2);
    expect(program.err).toEqual([
      `tidemark: Invalid limit of open files (ulimit -n) ${limit}: expected at least ${least}. Raise it with ulimit -n 4096, or LimitNOFILE= of systemd.`,
    ]);
  });
});

function limitedServer(): Program {
  const flags = ["--port", "0", "--connections-max", "20000", "--store", `lmdb:${temporaryFolder()}`];
  const limit = `--nofile=${OPEN_FILES}:${OPEN_FILES}`;
  return new Program("prlimit", [limit, process.execPath, "dist/main.js", "serve", ...flags]);
}
