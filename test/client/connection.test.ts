import { describe, expect, it } from "vitest";
import { connect, leaf, task, watch, type Watch } from "../../src/client/index.js";
import { HistoryDocument } from "../../src/client/generated/graphql.js";
import { freePort } from "../kit/process/free-port.js";
import { startServer } from "../kit/server/server.js";

describe("A connection", () => {
  it("passes its address and token on to a watch of the jobs that it reports", async () => {
    await using server = await startServer();
    const tidemark = connect({ url: server.url, database: "d", username: "u" });
    await using watched = watch({ ...tidemark, database: "d" });
    await watched.untilLive();

    await tidemark.job({ jobId: "j" }, task("Import", leaf("read", { volume: 2 }))).run(async (root) => {
      await root.run("read", (read) => read.advance(2));
    });
    await finished(watched);

    expect([...watched.jobs.values()].map(({ jobId, database }) => [database, jobId])).toEqual([["d", "j"]]);
  });
});

describe("The options of a connection", () => {
  it("can be only the address, as a text or a URL", () => {
    expect(connect("http://example.test:1").url).toBe("http://example.test:1");
    expect(connect(new URL("http://example.test:1")).url).toBe("http://example.test:1");
  });

  it.each<[string, () => unknown, string]>([
    ["a misspelled option", () => connect({ URL: "x" } as object), 'Unknown option "URL" of connect()'],
    ["a number", () => connect(4000 as unknown as string), 'Unknown option "4000" of connect()'],
    ["null", () => connect(null as unknown as string), 'Unknown option "null" of connect()'],
    [
      "an option of another call",
      () => connect({ jobId: "j" } as object),
      'Unknown option "jobId" of connect()',
    ],
    [
      "a misspelled option of a job",
      () => connect().job({ id: "j" } as object, leaf("x")),
      'Unknown option "id" of job()',
    ],
    [
      "a text as the options of a job",
      () => connect().job("j" as unknown as object, leaf("x")),
      'Unknown option "j" of job()',
    ],
    [
      "a text as the options of a watch",
      () => watch("http://x" as unknown as object),
      'Unknown option "http://x" of watch()',
    ],
  ])("reject %s, and name the known ones", (_, call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
    expect(call).toThrow(/expected an object with any of \w+, \w+/);
  });
});

describe("The error of an unreachable server", () => {
  it("suggests starting one if the connection is refused", async () => {
    const url = `http://localhost:${await freePort()}`;

    await expect(request(url)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        /^No Tidemark server answers at http:\/\/localhost:\d+ \(connect ECONNREFUSED .+\)\. Start one there \(npx tidemark\)/,
      ),
    });
  });

  it("names the cause and suggests checking the address if another server answers", async () => {
    await using server = await startServer();
    const url = server.url.replace("http:", "https:");

    await expect(request(url)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        /^No Tidemark server answers at https:\/\/[\d.]+:\d+ \([a-z ]+\)\. Check the address \(TIDEMARK_URL\)/,
      ),
    });
  });
});

function request(url: string): Promise<unknown> {
  return connect({ url }).request(HistoryDocument, { database: "d" });
}

/** Resolves when the watch delivers a finished job. */
async function finished(watched: Watch): Promise<void> {
  for await (const event of watched) if ("job" in event && event.job.task.status === "FINISHED") return;
}
