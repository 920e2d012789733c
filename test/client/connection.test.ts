import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { connect, leaf, task, watch, type Watch } from "../../src/client/index.js";
import { useJobs } from "../../src/client/react/index.js";
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

describe("Options that are not an object", () => {
  it.each<[() => unknown, string]>([
    [() => connect(4567 as never), 'such as { url: "http://127.0.0.1:4000" }'],
    [() => connect().job("x" as never, leaf("y")), 'such as { jobId: "x" }'],
    [() => leaf("read", 500 as never), "such as { volume: 500 }"],
  ])("are rejected with an example: %s", (call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});

describe("An invalid value of an option", () => {
  it.each<[() => unknown, string]>([
    [
      () => watch({ transport: "ws" as never }),
      'Invalid transport "ws" of watch(): expected auto, websocket, sse.',
    ],
    [
      () => watch({ minIntervalMs: "5" as never }),
      'Invalid minIntervalMs "5" of watch(): expected a number from 0.',
    ],
    [
      () => connect().job({ onConflict: "reject" as never }, leaf("x")),
      'Invalid onConflict "reject" of job(): expected OVERWRITE, REJECT.',
    ],
    [
      () => useJobs({ status: "running" as never }),
      'Invalid status "running" of useJobs(): expected PENDING, RUNNING, FINISHED, CANCELED, FAILED.',
    ],
    [() => useJobs({ status: ["RUNNING", "done"] as never }), "Invalid status RUNNING,done of useJobs()"],
    [() => connect({ intervalMs: -1 }), "Invalid intervalMs -1 of connect(): expected a number from 0."],
  ])("is rejected at the call: %s", (call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});

describe("The error of a proxy", () => {
  it.each([502, 503, 504])("whose server is not running names it: %i", async (status) => {
    const proxy = createServer((_, response) => response.writeHead(status).end("<html>"));
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await using watched = watch({ url });
    const causes: unknown[] = [];
    const failed = new Promise<void>((resolve) => {
      watched.onChange(() => {
        causes.push(watched.status);
        resolve();
      });
    });
    const message = `cannot reach Tidemark (HTTP status ${status}). Is the server running?`;

    await expect(connect(url).request("{ __typename }", {})).rejects.toThrow(
      `The proxy at ${url} ${message}`,
    );
    await failed;
    expect(causes[0]).toMatchObject({ cause: { message: `The proxy at ${url}/graphql ${message}` } });
    proxy.close();
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
