import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { connect, leaf, watch, type ServerMove, type Watch } from "../../src/client/index.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { LossyProxy } from "../kit/network/lossy-proxy.js";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { freePort } from "../kit/process/free-port.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { store, storeTask, update } from "../server/jobs.js";
import { JOB, jobOnServer, linesOf } from "./server-jobs.js";
import {
  kindsOf,
  SDK_TRANSPORTS,
  waitForChanges,
  waitUntil,
  watchBy,
  watchEventsUntil,
  watchWithoutDelays,
} from "./watch/test-watches.js";

// Two proxies in front of one server are two nodes of one Tidemark. Two servers share nothing.

const QUERY = "{ __typename }";

describe("A list of servers", () => {
  it.each<[string | string[], string]>([
    ["http://a:1,http://b:2", "http://a:1,http://b:2"],
    [" http://a:1/ , https://b/prefix/graphql", "http://a:1,https://b/prefix"],
    [["http://a:1", "http://b:2"], "http://a:1,http://b:2"],
    ["http://a:1,http://b:2,http://a:1/graphql/", "http://a:1,http://b:2"],
    ["http://a/x,http://a/y", "http://a/x,http://a/y"],
  ])("has each address once, in the given order: %j", (url, urls) => {
    expect(connect({ url }).url).toBe(urls);
  });

  it.each<[string | string[], string]>([
    ["http://a,nowhere", "nowhere"],
    ["http://a,,http://b", ""],
    ["http://a,", ""],
    ["ftp://a,http://b", "ftp://a"],
    [[], ""],
  ])("is rejected with the address that is wrong: %j", (url, invalid) => {
    const message = `Invalid server address "${invalid}": expected one like http://127.0.0.1:4000, or several with commas.`;

    expect(() => connect({ url })).toThrow(new TypeError(message));
    expect(() => watch({ url })).toThrow(new TypeError(message));
  });
});

describe("A request with several servers", () => {
  it("goes to the next server if the first one is dead, and stays there", async () => {
    await using server = await startServer();
    const dead = await deadUrl();
    const moves: ServerMove[] = [];
    const tidemark = connect({ url: [dead, server.url], onMoved: (move) => moves.push(move) });

    await tidemark.request(QUERY, {});
    await tidemark.request(QUERY, {});

    expect(moves).toEqual([
      { from: dead, to: server.url, cause: expect.objectContaining({ code: "UNAVAILABLE" }) },
    ]);
  });

  it("goes to the next server if the first one answers with 503", async () => {
    await using server = await startServer();
    await using unavailable = await AnsweringServer.open(503);
    const tidemark = connect({ url: [unavailable.url, server.url] });

    await expect(tidemark.request(QUERY, {})).resolves.toEqual({ __typename: "Query" });
  });

  it("names all servers if none answers, and tries each once", async () => {
    const urls = [await deadUrl(), await deadUrl()];

    await expect(connect({ url: urls }).request(QUERY, {})).rejects.toThrow(
      `No Tidemark server answers at ${urls.join(", ")} (connect ECONNREFUSED`,
    );
  });

  it("stays with a server that rejects it", async () => {
    const tokens = new Tokens();
    await tokens.grant("alice");
    await using strict = await startServer({ auth: tokens.auth });
    await using server = await startServer();
    const tidemark = connect({ url: [strict.url, server.url] });

    await expect(tidemark.request(QUERY, {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(tidemark.request(QUERY, {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("is not repeated if it is a mutation that the first server may have executed", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = () => "lose the answer";
    const { query, variables } = storeTask(JOB);
    const tidemark = connect({ url: [proxy.url, server.url] });

    await expect(tidemark.request(query, variables)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await jobOnServer(server.url)).attempt).toBe(1);
    await expect(tidemark.request(QUERY, {})).resolves.toBeDefined();
    expect(proxy.requests.length).toBe(1);
  });

  it("is repeated if it is a mutation that cannot have reached the first server, or that may be repeated", async () => {
    await using server = await startServer();
    await using proxy = await LossyProxy.open(server.url);
    proxy.fateOf = () => "lose the answer";
    const { query, variables } = storeTask(JOB);

    await connect({ url: [await deadUrl(), server.url] }).request(query, variables);
    await connect({ url: [proxy.url, server.url] }).request(query, variables, { isRepeatable: true });

    expect((await jobOnServer(server.url)).attempt).toBe(3);
  });
});

describe("A job with several servers", () => {
  it("is reported to the next server if the first one is dead", async () => {
    await using server = await startServer();
    const errors: unknown[] = [];
    const url = `${await deadUrl()},${server.url}`;
    const job = connect({ url, onError: (error) => errors.push(error) }).job(JOB, leaf("read"));

    await job.run((root) => root.advance(2));

    expect(linesOf(await jobOnServer(server.url))).toEqual(["read FINISHED 2/2"]);
    expect([errors, job.url]).toEqual([[], expect.stringContaining(`${server.url}/?`)]);
  });

  it("counts once, and keeps its address, if a server is lost between a report and its answer", async () => {
    await using server = await startServer();
    await using first = await LossyProxy.open(server.url);
    await using second = await LossyProxy.open(server.url);
    const job = connect([first.url, second.url]).job(JOB, leaf("read"));
    await job.flush();
    first.fateOf = () => "lose the answer";

    job.task.advance(2);
    job.task.log.info("read two rows");
    await job.flush();

    const { log, ...stored } = await jobOnServer(server.url);
    expect([linesOf({ log, ...stored }), log.length]).toEqual([["read RUNNING 2/?"], 1]);
    expect(second.requests.length).toBeGreaterThan(0);
    expect(job.url).toContain(`${first.url}/?`);
  });

  it("is stored again by a server that does not know it", async () => {
    await using first = await startServer();
    await using network = await SeverableProxy.open(first.url);
    await using second = await startServer();
    const job = connect({ url: [network.url, second.url] }).job(JOB, leaf("read"));
    await job.flush();

    network.shut();
    job.task.advance(2);
    await job.flush();

    expect(linesOf(await jobOnServer(second.url))).toEqual(["read RUNNING 2/?"]);
    expect(job.url).toContain(`${second.url}/?`);
  });

  it("has the public address of the server, if it announces one", async () => {
    await using server = await startServer({ publicUrl: "https://tidemark.example" });
    const job = connect({ url: [await deadUrl(), server.url] }).job(JOB, leaf("read"));
    await job.flush();

    expect(job.url).toContain("https://tidemark.example/?");
  });
});

describe.each(SDK_TRANSPORTS)("A watch with several servers (%s)", (transport) => {
  it("resumes at the next server without a Reset when the first one is lost", async () => {
    await using server = await startServer();
    await using first = await SeverableProxy.open(server.url);
    await using second = await SeverableProxy.open(server.url);
    await store(server.url);
    const moves: ServerMove[] = [];
    const url = `${first.url},${second.url}`;
    await using watched = watchBy(new ManualClock(), { url, transport, onMoved: (move) => moves.push(move) });
    await watchEventsUntil(watched, "CaughtUp");

    first.shut();
    await waitUntil(watched, () => watched.status.kind === "stale");
    await update(server.url, { updates: [{ path: "", done: 1 }] });
    await waitUntil(watched, () => watched.job("u", "j")!.version === 2);

    expect(kindsOf(await watchEventsUntil(watched, "TaskUpdated"))).not.toContain("Reset");
    expect(moves).toMatchObject([{ from: first.url, to: second.url }]);
  });

  it("starts at the next server if the first one is dead, and says nothing of it", async () => {
    await using server = await startServer();
    const url = [await deadUrl(), server.url];
    await using watched = watchBy(new ManualClock(), { url, transport });
    const causes: unknown[] = [];
    watched.onChange(() => causes.push(causeOf(watched)));

    await watched.untilLive();

    expect(new Set(causes)).toEqual(new Set([undefined]));
  });

  it("waits once all servers have failed, and then tries all again", async () => {
    await using server = await startServer();
    await using first = await SeverableProxy.open(server.url);
    await using second = await SeverableProxy.open(server.url);
    await store(server.url);
    const clock = new ManualClock();
    await using watched = watchBy(clock, { url: [first.url, second.url], transport });
    await watchEventsUntil(watched, "CaughtUp");

    first.shut();
    second.shut();
    await waitForChanges(watched, 2);
    second.reopen();
    clock.advance(249);
    expect(watched.status).toMatchObject({ kind: "stale", cause: expect.any(Error) as unknown });
    clock.advance(1);

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["CaughtUp"]);
  });

  it("moves on from a server that answers with 503", async () => {
    await using server = await startServer();
    await using unavailable = await AnsweringServer.open(503);
    await using watched = watchBy(new ManualClock(), { url: [unavailable.url, server.url], transport });

    await expect(watched.untilLive()).resolves.toBeUndefined();
  });

  it("moves on from a server that stops", async () => {
    const first = await startServer();
    await using second = await startServer();
    await store(second.url, { jobId: "of the second" });
    await using watched = watchBy(new ManualClock(), { url: [first.url, second.url], transport });
    await watched.untilLive();

    await first.close();
    await waitUntil(watched, () => watched.jobs.size > 0);

    expect(watched.job("u", "of the second")).toBeDefined();
  });

  it("stays with a server that rejects it", async () => {
    const tokens = new Tokens();
    await tokens.grant("alice");
    await using strict = await startServer({ auth: tokens.auth });
    await using server = await startServer();
    await using watched = watchWithoutDelays({ url: [strict.url, server.url], transport });

    await expect(watched.untilLive()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("stays with a server that is busy", async () => {
    await using server = await startServer({ subscriptionsPerUserMax: 1 });
    await using second = await startServer();
    await using other = watchBy(new ManualClock(), { url: server.url, transport });
    await other.untilLive();
    const moves: ServerMove[] = [];
    const url = [server.url, second.url];
    await using watched = watchWithoutDelays({ url, transport, onMoved: (move) => moves.push(move) });
    await waitUntil(watched, () => causeOf(watched) !== undefined);

    other.close();
    await watched.untilLive();

    expect(moves).toEqual([]);
  });

  it("stays with the server that it moved to", async () => {
    await using server = await startServer();
    await using first = await SeverableProxy.open(server.url);
    await using second = await SeverableProxy.open(server.url);
    await using watched = watchBy(new ManualClock(), { url: [first.url, second.url], transport });
    await watched.untilLive();

    first.sever();
    await waitUntil(watched, () => watched.status.kind === "stale");
    await watched.untilLive();

    expect([first.socketCount, second.socketCount]).toEqual([0, 2]);
  });
});

/** A server that answers each request with this status, as a proxy without its server does. */
class AnsweringServer implements AsyncDisposable {
  readonly #server: Server;

  static async open(status: number): Promise<AnsweringServer> {
    const server = createServer((_, response) => response.writeHead(status).end("<html>"));
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new AnsweringServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function causeOf({ status }: Watch): unknown {
  return "cause" in status ? status.cause : undefined;
}

async function deadUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}
