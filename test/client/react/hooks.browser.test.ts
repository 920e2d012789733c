import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import type { Request } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested } from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { bundleReactPage, InstalledReact } from "../../kit/browser/react-bundle.js";
import { ask, HttpConnection, metricReaches } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { removeTask, store, storeTask, update, updateTask } from "../../server/jobs.js";
import { HooksPage } from "./hooks-page.js";
import type { Rendered, View } from "./page.js";

const ENTRY = fileURLToPath(new URL("page.tsx", import.meta.url));
const HOOKS_BYTES_MAX = 11_500;

it("the hooks add at most 11.5 kB, gzipped, to a page, with the watch and without React", async () => {
  const hooks = await bundleClient(
    ["TidemarkProvider", "useCancelJob", "useConnection", "useJob", "useJobs"],
    "react/index.ts",
  );

  expect(gzipSync(hooks).length).toBeLessThanOrEqual(HOOKS_BYTES_MAX);
});

describe.skipIf(!isBrowserTested()).each([
  ["18", "18.3.1"],
  ["19", undefined],
])("The hooks in a page with React %s (under CI; needs Chromium)", { timeout: 90_000 }, (_, version) => {
  let script: string;

  beforeAll(async () => {
    using react = version === undefined ? undefined : new InstalledReact(version);
    script = await bundleReactPage(ENTRY, {
      mode: "development",
      ...(react && { packages: react.packages }),
    });
  });

  it("show the jobs, each change and each removal", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ panels: [LIST, ONE] });
    await opened.shows("list", "a 1");
    await store(server.url, { jobId: "b" });
    await update(server.url, { jobId: "a", updates: [{ done: 4 }] });
    await opened.shows("list", "b 1, a 2");
    await opened.shows("one", "a 2");
    await ask(server.url, removeTask({ jobId: "a" }));
    await opened.shows("list", "b 1");

    const gone = await opened.until("one", { shown: "nothing", isLoading: false });
    expect(gone).toEqual({ shown: "nothing", isLoading: false, isStale: false });
    expect(await opened.allOf("list")).toContainEqual({ shown: "", isLoading: true, isStale: false });
  });

  it("share one subscription in StrictMode, with options written inline, however often they render", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(server.url, script);

    const panels = [LIST, { ...LIST, name: "same" }, COUNT, ONE];
    await opened.show({ panels: [LIST] });
    await opened.shows("list", "a 1");
    for (let round = 0; round < 5; round++) await opened.show({ panels });
    await opened.shows("same", "a 1");
    await opened.shows("one", "a 1");

    expect(opened.webSockets).toHaveLength(1);
    await metricReaches(server.url, "tidemark_subscribers", 1);
    expect((await opened.allOf("same")).map(({ shown }) => shown)).not.toContain("");
  });

  it("close the subscription a moment after the last component has left, and not while another one comes", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ panels: [LIST] });
    await opened.shows("list", "a 1");
    await opened.show({ panels: [] });
    await opened.show({ panels: [{ ...LIST, name: "next" }] });
    await opened.shows("next", "a 1");
    expect(opened.webSockets).toHaveLength(1);
    await opened.show({ panels: [CONNECTION] });

    await metricReaches(server.url, "tidemark_subscribers", 0);
    await metricReaches(server.url, "tidemark_websockets", 0);
    await opened.shows("connection", "closed");
  });

  it("follow a filter that changes, and release the subscription of the one before", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a", username: "ada" });
    await store(server.url, { jobId: "b", username: "bob" });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ panels: [{ ...LIST, filter: { username: "ada" } }] });
    await opened.shows("list", "a 1");
    await opened.show({ panels: [{ ...LIST, filter: { username: "bob" } }] });
    await opened.shows("list", "b 1");
    await opened.show({ panels: [{ ...LIST, filter: { username: "bob", status: ["RUNNING"] } }] });
    await opened.shows("list", "");
    await update(server.url, { username: "bob", jobId: "b", updates: [{ done: 1 }] });
    await opened.shows("list", "b 2");

    await metricReaches(server.url, "tidemark_subscribers", 1);
    expect(opened.webSockets).toHaveLength(2);
  });

  it("keep the jobs while the server is away, and miss and repeat nothing after its return", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    for (const jobId of ["a", "b"]) await store(server.url, { jobId });
    await using opened = await HooksPage.open(network.url, script);

    await opened.show({ panels: [LIST, CONNECTION] });
    await opened.shows("list", "b 1, a 1");
    await opened.shows("connection", "live");
    network.shut();
    await opened.shows("connection", "stale since a moment");
    await opened.until("list", { shown: "b 1, a 1", isLoading: false, isStale: true });
    for (const done of [1, 2, 3]) await update(server.url, { jobId: "a", updates: [{ done }] });
    await store(server.url, { jobId: "c" });
    expect(await opened.reports("connection", "No Tidemark server")).toMatch(
      /at http.*\(.+\)\. Start one there/,
    );
    network.reopen();
    await opened.shows("connection", "live");
    await opened.shows("list", "c 1, b 1, a 4");

    expect(textsOf(await opened.allOf("list"))).toEqual(["", "b 1, a 1", "c 1, b 1, a 4"]);
  });

  it("show the old jobs until the new ones are complete, if the server has lost its history", async () => {
    await using server = await startServer();
    await using successor = await startServer();
    await using network = await SeverableProxy.open(server.url);
    for (const jobId of ["a", "b"]) await store(server.url, { jobId });
    await storeLargeJobs(successor.url, 200); // they arrive over several frames
    await using opened = await HooksPage.open(network.url, script);

    await opened.show({ panels: [COUNT] });
    await opened.shows("count", "2");
    network.redirectTo(successor.url);
    network.sever();
    await opened.shows("count", "200");

    expect(textsOf(await opened.allOf("count"))).toEqual(["0", "2", "200"]);
  });

  it("report a server that is not there yet as an error, and load once it is", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await using opened = await HooksPage.open(network.url, script);
    network.shut();

    await opened.show({ panels: [LIST] });
    const away = await opened.until("list", { error: "UNAVAILABLE" });
    await store(server.url, { jobId: "a" });
    network.reopen();

    const loaded = await opened.until("list", { shown: "a 1" });
    expect(away).toEqual({ shown: "", isLoading: false, isStale: false, error: "UNAVAILABLE" });
    expect(loaded).toEqual({ shown: "a 1", isLoading: false, isStale: false });
  });

  it("report a page server that forwards nothing, while it leaves the WebSocket unanswered", async () => {
    await using other = await startOtherServer();
    await using opened = await HooksPage.open(other.url, script);

    await opened.show({ panels: [LIST, CONNECTION] });
    const message = await opened.reports("connection", "Not a Tidemark server");

    expect(message).toContain("(HTTP status 404)");
    expect((await opened.allOf("connection")).at(-1)?.shown).toBe("connecting");
  });

  it.each([
    ["an invalid address", { url: "ftp://example.test" }],
    ["an invalid name of a database", { database: "d".repeat(1_000) }],
  ])("report %s as an error, and start again with a valid one", async (_name, provider) => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ provider, panels: [LIST, CONNECTION] });
    const rejected = await opened.until("list", { error: "BAD_USER_INPUT" });
    await opened.shows("connection", "closed");
    await opened.show({ panels: [LIST] });

    await opened.shows("list", "a 1");
    expect(rejected).toEqual({ shown: "", isLoading: false, isStale: false, error: "BAD_USER_INPUT" });
  });

  it("report a rejected token as an error, and start again with a valid one", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("u");
    await using server = await startServer({ auth: tokens.auth });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ provider: { token: "unknown" }, panels: [LIST] });
    const rejected = await opened.until("list", { error: "UNAUTHENTICATED" });
    await opened.show({ provider: { token }, panels: [LIST] });

    const loaded = await opened.until("list", { isLoading: false, error: undefined });
    expect(rejected).toEqual({ shown: "", isLoading: false, isStale: false, error: "UNAUTHENTICATED" });
    expect(loaded).toEqual({ shown: "", isLoading: false, isStale: false });
  });

  it("try again after a rejection, when components are shown again", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("u");
    await using server = await startServer({ auth: tokens.auth });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ inlineToken: "unknown", panels: [LIST, CONNECTION] });
    await opened.until("list", { error: "UNAUTHENTICATED" });
    await opened.show({ inlineToken: token, panels: [CONNECTION] });
    await opened.show({ inlineToken: token, panels: [{ ...LIST, name: "next" }, CONNECTION] });

    expect(await opened.until("next", { isLoading: false })).toEqual({
      shown: "",
      isLoading: false,
      isStale: false,
    });
  });

  it("call the token function of the latest render, and do not subscribe again for it", async () => {
    const tokens = new Tokens();
    const [first, second] = [await tokens.grant("ada"), await tokens.grant("bob")];
    await using server = await startServer({ auth: tokens.auth });
    await using opened = await HooksPage.open(server.url, script);

    await opened.show({ inlineToken: first, panels: [LIST, CONNECTION] });
    await opened.shows("connection", "live");
    for (let round = 0; round < 3; round++)
      await opened.show({ inlineToken: second, panels: [LIST, CONNECTION] });
    const reconnected = opened.page.waitForEvent("websocket");
    await tokens.revoke("ada");
    await reconnected;
    using connection = new HttpConnection(server.url);
    await connection.post(storeTask({ jobId: "a", username: "bob" }), { authorization: `Bearer ${second}` });

    await opened.shows("list", "a 1");
    expect(opened.webSockets).toHaveLength(2);
  });

  it("render a burst of 1,000 updates at most once a frame, and only the rows that change", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    for (const jobId of ["a", "b"])
      await store(server.url, { jobId, task: { description: "t", volume: 2_000 } });
    await using opened = await HooksPage.open(network.url, script);
    await opened.show({ panels: [{ ...LIST, minIntervalMs: 0 }, { kind: "rows", name: "row" }, COUNT] });
    await opened.shows("list", "b 1, a 1");
    await opened.shows("row a", "a 1");
    await opened.shows("count", "2");
    const [list, row, count] = [
      await opened.allOf("list"),
      await opened.allOf("row b"),
      await opened.allOf("count"),
    ];

    network.hold();
    using connection = new HttpConnection(server.url);
    for (let done = 1; done <= 1_000; done++)
      await connection.post(updateTask({ jobId: "a", updates: [{ done }] }));
    await opened.countFrames();
    network.release();
    await opened.shows("list", "b 1, a 1001");
    const frames = await opened.countFrames();

    expect((await opened.allOf("list")).length - list.length).toBeLessThanOrEqual(frames);
    expect(await opened.allOf("row b")).toEqual(row);
    expect(await opened.allOf("count")).toEqual(count);
  });

  it("ask a job to stop, in the attempt that is shown, and report a failure", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(network.url, script);
    await opened.show({ panels: [ONE] });
    await opened.shows("one", "a 1");

    network.shut();
    await opened.page.getByRole("button", { name: "Cancel" }).click();
    await opened.shows("one", "a 1 UNAVAILABLE");
    network.reopen();
    const request = opened.page.waitForRequest(isCancelRequest);
    await opened.page.getByRole("button", { name: "Cancel" }).click();
    const { variables } = (await request).postDataJSON() as {
      readonly variables: { readonly input: object };
    };

    await opened.shows("one", "a 2 wrong input");
    expect(variables.input).toMatchObject({ ...KEY, database: "d", username: "u", attempt: 1 });
  });

  it("take over the HTML of a server without a difference, and then load", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await HooksPage.open(server.url, script);
    const view: View = { panels: [LIST, ONE, CONNECTION] };

    await opened.hydrate(view, "<output></output><output>nothing</output><output>connecting</output>");

    await opened.shows("list", "a 1");
    await opened.shows("one", "a 1");
    expect((await opened.allOf("connection"))[0]).toEqual({ shown: "connecting" });
  });
});

const KEY = { jobId: "a" };
const LIST = { kind: "jobs", name: "list", filter: {} } as const;
const CONNECTION = { kind: "connection", name: "connection" } as const;
const COUNT = { kind: "count", name: "count" } as const;
const ONE = { kind: "job", name: "one", jobKey: KEY } as const;

/** The watch sends requests too, while it has no WebSocket. */
function isCancelRequest(request: Request): boolean {
  return request.postData()?.includes("mutation CancelJob") ?? false;
}

async function storeLargeJobs(url: string, count: number): Promise<void> {
  const subTasks = Array.from({ length: 100 }, () => ({ description: "one of many tasks", volume: 10 }));
  using connection = new HttpConnection(url);
  for (let index = 0; index < count; index++)
    await connection.post(storeTask({ jobId: `large-${index}`, task: { description: "large", subTasks } }));
}

/** The texts that a component has shown, without repetitions of one directly after another. */
function textsOf(rendered: readonly Rendered[]): string[] {
  return rendered.map(({ shown }) => shown).filter((shown, index, all) => shown !== all[index - 1]);
}

/** Answers every request with 404, and no WebSocket at all, as Vite does without a proxy. */
async function startOtherServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => response.writeHead(404).end("Not found"));
  const sockets = new Set<Duplex>();
  server.on("upgrade", (_request, socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
