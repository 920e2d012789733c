import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  isBrowserTested,
  openBrowser,
  openStrictPage,
  recordPage,
  SERVER_IS_AWAY,
} from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { bundleReactPage, InstalledReact } from "../../kit/browser/react-bundle.js";
import { ask, HttpConnection, metricReaches } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { removeTask, store, storeTask, update, updateTask } from "../../server/jobs.js";
import type * as page from "./page.js";
import type { Rendered, View } from "./page.js";

const ENTRY = fileURLToPath(new URL("page.tsx", import.meta.url));
const HOOKS_BYTES_MAX = 11_000;
const PATIENCE = { timeout: 30_000, interval: 20 };

it("the hooks add at most 11 kB, gzipped, to a page, with the watch and without React", async () => {
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
    await using opened = await openPage(server.url);

    await opened.show({ panels: [LIST, ONE] });
    await opened.shows("list", "a 1");
    await store(server.url, { jobId: "b" });
    await update(server.url, { jobId: "a", updates: [{ done: 4 }] });
    await opened.shows("list", "b 1, a 2");
    await opened.shows("one", "a 2");
    await ask(server.url, removeTask({ jobId: "a" }));
    await opened.shows("list", "b 1");

    expect(await opened.lastOf("one")).toEqual({ shown: "nothing", isLoading: false, isStale: false });
    expect(await opened.allOf("list")).toContainEqual({ shown: "", isLoading: true, isStale: false });
  });

  it("share one subscription in StrictMode, with options written inline, however often they render", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await openPage(server.url);

    const panels = [LIST, { ...LIST, name: "same" }, { kind: "count", name: "count" }, ONE] as const;
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
    await using opened = await openPage(server.url);

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
    await using opened = await openPage(server.url);

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
    await using opened = await openPage(network.url);

    await opened.show({ panels: [LIST, CONNECTION] });
    await opened.shows("list", "b 1, a 1");
    await opened.shows("connection", "live");
    network.shut();
    await opened.shows("connection", "stale since a moment");
    expect(await opened.lastOf("list")).toEqual({ shown: "b 1, a 1", isLoading: false, isStale: true });
    for (const done of [1, 2, 3]) await update(server.url, { jobId: "a", updates: [{ done }] });
    await store(server.url, { jobId: "c" });
    await opened.hasRendered("connection", /^No Tidemark server answers at http.*\(.+\)\. Start one there/);
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
    for (const jobId of ["b", "c", "d"]) await store(successor.url, { jobId });
    await using opened = await openPage(network.url);

    await opened.show({ panels: [LIST] });
    await opened.shows("list", "b 1, a 1");
    network.redirectTo(successor.url);
    network.sever();
    await opened.shows("list", "d 1, c 1, b 1");

    expect(textsOf(await opened.allOf("list"))).toEqual(["", "b 1, a 1", "d 1, c 1, b 1"]);
  });

  it("report a server that is not there yet as an error, and load once it is", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await using opened = await openPage(network.url);
    network.shut();

    await opened.show({ panels: [LIST] });
    await opened.lastBecomes("list", { shown: "", isLoading: false, isStale: false, error: "UNAVAILABLE" });
    await store(server.url, { jobId: "a" });
    network.reopen();

    await opened.lastBecomes("list", { shown: "a 1", isLoading: false, isStale: false });
  });

  it.each([
    ["an invalid address", { url: "ftp://example.test" }],
    ["an invalid name of a database", { database: "d".repeat(1_000) }],
  ])("report %s as an error, and start anew with a valid one", async (_name, provider) => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await openPage(server.url);

    await opened.show({ provider, panels: [LIST, CONNECTION] });
    await opened.lastBecomes("list", {
      shown: "",
      isLoading: false,
      isStale: false,
      error: "BAD_USER_INPUT",
    });
    await opened.shows("connection", "closed");
    await opened.show({ panels: [LIST] });

    await opened.shows("list", "a 1");
  });

  it("report a rejected token as an error, and start anew with a valid one", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("u");
    await using server = await startServer({ auth: tokens.auth });
    await using opened = await openPage(server.url);

    await opened.show({ provider: { token: "unknown" }, panels: [LIST] });
    await opened.lastBecomes("list", {
      shown: "",
      isLoading: false,
      isStale: false,
      error: "UNAUTHENTICATED",
    });
    await opened.show({ provider: { token }, panels: [LIST] });

    await opened.lastBecomes("list", { shown: "", isLoading: false, isStale: false });
  });

  it("call the token function of the latest render, and do not subscribe anew for it", async () => {
    const tokens = new Tokens();
    const [first, second] = [await tokens.grant("ada"), await tokens.grant("bob")];
    await using server = await startServer({ auth: tokens.auth });
    await using opened = await openPage(server.url);

    await opened.show({ inlineToken: first, panels: [LIST, CONNECTION] });
    await opened.shows("connection", "live");
    await opened.show({ inlineToken: second, panels: [LIST, CONNECTION] });
    expect(opened.webSockets).toHaveLength(1);
    await tokens.revoke("ada");
    await expect.poll(() => opened.webSockets.length, PATIENCE).toBe(2);
    using connection = new HttpConnection(server.url);
    await connection.post(storeTask({ jobId: "a", username: "bob" }), { authorization: `Bearer ${second}` });

    await opened.shows("list", "a 1");
  });

  it("render a burst of 1,000 updates at most once a frame, and only the rows that change", async () => {
    await using server = await startServer();
    for (const jobId of ["a", "b"])
      await store(server.url, { jobId, task: { description: "t", volume: 2_000 } });
    await using opened = await openPage(server.url);
    await opened.show({
      panels: [
        { ...LIST, minIntervalMs: 0 },
        { kind: "rows", name: "row" },
        { kind: "count", name: "count" },
      ],
    });
    await opened.shows("list", "b 1, a 1");
    await opened.shows("row a", "a 1");
    const [rowBefore, before] = [await opened.allOf("row b"), await opened.allOf("list")];
    const countBefore = await opened.allOf("count");

    await opened.countFrames();
    using connection = new HttpConnection(server.url);
    const updates = Array.from({ length: 1_000 }, (_update, index) =>
      updateTask({ ...KEY, updates: [{ done: index + 1 }] }),
    );
    for (const request of updates) await connection.post(request);
    await opened.shows("list", "b 1, a 1001");
    const frames = await opened.countFrames();

    const renders = (await opened.allOf("list")).length - before.length;
    expect(renders).toBeGreaterThan(1);
    expect(renders).toBeLessThanOrEqual(frames);
    expect(await opened.allOf("row b")).toEqual(rowBefore);
    expect(await opened.allOf("count")).toEqual(countBefore);
  });

  it("ask a job to stop, in the attempt that is shown, and report a failure", async () => {
    await using server = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await store(server.url, { jobId: "a" });
    await using opened = await openPage(network.url);
    await opened.show({ panels: [ONE] });
    await opened.shows("one", "a 1");

    network.shut();
    await opened.page.getByRole("button", { name: "Cancel" }).click();
    await opened.shows("one", "a 1 UNAVAILABLE");
    network.reopen();
    await opened.page.getByRole("button", { name: "Cancel" }).click();

    await opened.shows("one", "a 2 wrong input");
  });

  it("take over the HTML of a server without a difference, and then load", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "a" });
    await using opened = await openPage(server.url);
    const view: View = { panels: [LIST, ONE, CONNECTION] };

    await opened.page.evaluate(
      (given) =>
        tidemarkPage.hydrate(given, "<output></output><output>nothing</output><output>connecting</output>"),
      view,
    );

    await opened.shows("list", "a 1");
    await opened.shows("one", "a 1");
  });

  /** A page on the server's origin, whose policy would block scripts. Its console must stay clean. */
  async function openPage(url: string): Promise<HooksPage> {
    const browser = await openBrowser();
    const opened = await openStrictPage(browser, { bypassCSP: true, mayComplain: HARMLESS });
    const { webSockets } = recordPage(opened);
    await opened.goto(`${url}/health`);
    await opened.addScriptTag({ content: script });
    return new HooksPage(browser, opened, webSockets);
  }
});

/** Globals that the script defines in the page. */
declare const tidemarkPage: typeof page;

class HooksPage implements AsyncDisposable {
  readonly #browser: Browser;
  readonly page: Page;
  readonly webSockets: readonly string[];

  constructor(browser: Browser, opened: Page, webSockets: readonly string[]) {
    this.#browser = browser;
    this.page = opened;
    this.webSockets = webSockets;
  }

  async show(view: View): Promise<void> {
    await this.page.evaluate((given) => tidemarkPage.show(given), view);
  }

  allOf(name: string): Promise<readonly Rendered[]> {
    return this.page.evaluate((given) => tidemarkPage.renderedBy(given), name);
  }

  async lastOf(name: string): Promise<Rendered | undefined> {
    return (await this.allOf(name)).at(-1);
  }

  /** Waits until the component shows this text. */
  async shows(name: string, shown: string): Promise<void> {
    await expect.poll(async () => (await this.lastOf(name))?.shown, PATIENCE).toBe(shown);
  }

  async lastBecomes(name: string, rendered: Rendered): Promise<void> {
    await expect.poll(() => this.lastOf(name), PATIENCE).toEqual(rendered);
  }

  /** Waits until the component has rendered such an error. */
  async hasRendered(name: string, error: RegExp): Promise<void> {
    const errors = async (): Promise<string> => (await this.allOf(name)).map((one) => one.error).join("\n");
    await expect.poll(errors, PATIENCE).toMatch(new RegExp(error, "m"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }

  /** The number of frames since the previous call. */
  countFrames(): Promise<number> {
    return this.page.evaluate(() => {
      const counted = globalThis as { frameCount?: number };
      const before = counted.frameCount ?? 0;
      counted.frameCount = 0;
      const count = (): void => {
        counted.frameCount! += 1;
        requestAnimationFrame(count);
      };
      if (before === 0) requestAnimationFrame(count);
      return before;
    });
  }
}

/** The page has no icon, and its server may be away. */
const HARMLESS = new RegExp(`${SERVER_IS_AWAY.source}|404 \\(Not Found\\)`);

const KEY = { jobId: "a" };
const LIST = { kind: "jobs", name: "list", filter: {} } as const;
const CONNECTION = { kind: "connection", name: "connection" } as const;
const ONE = { kind: "job", name: "one", jobKey: KEY } as const;

/** The texts that a component has shown, without repetitions of one directly after another. */
function textsOf(rendered: readonly Rendered[]): string[] {
  return rendered.map(({ shown }) => shown).filter((shown, index, all) => shown !== all[index - 1]);
}
