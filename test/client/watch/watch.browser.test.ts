import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type * as client from "../../../src/client/index.js";
import { isBrowserTested, openBrowser, recordPage } from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { metricReaches } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { store, update } from "../../server/jobs.js";
import { SDK_TRANSPORTS } from "./test-watches.js";

/** 300 more than one server needed: the watch moves on to another one when its server fails. */
const BUNDLE_BYTES_MAX = 8_300;

it("the SDK adds at most 8.3 kB, gzipped, to a page that watches", async () => {
  expect(gzipSync(await bundleClient()).length).toBeLessThanOrEqual(BUNDLE_BYTES_MAX);
});

it("the bundle of a page that watches holds only the document of the watch", async () => {
  const documents = (await bundleClient()).match(/\b(query|mutation|subscription) \w+/g);

  expect(documents).toEqual(["subscription Mirror"]);
});

describe.skipIf(!isBrowserTested())(
  "A watch in a page (under CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it.each(SDK_TRANSPORTS)(
      "holds the state, and the changes that it missed while disconnected (%s)",
      async (transport) => {
        await using server = await startServer();
        await using network = await SeverableProxy.open(server.url);
        await store(server.url);
        await using browser = await openBrowser();
        const page = await browser.newPage({ bypassCSP: true }); // on the server's origin, whose CSP blocks scripts
        await page.goto(`${network.url}/health`);

        await watchIn(page, { url: "/", database: "d", transport });
        const before = await waitForPercent(page, "live", 1);
        network.shut();
        await waitForPercent(page, "stale", 1);
        await update(server.url, { updates: [{ path: "", done: 4 }] });
        network.reopen();
        const after = await waitForPercent(page, "live", 2);

        expect([before, after]).toEqual(["0%", "40%"]);
      },
    );

    it("uses server-sent events if the network blocks WebSockets", async () => {
      await using server = await startServer();
      await using network = await SeverableProxy.open(server.url, { refusesWebSockets: true });
      await store(server.url);
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // on the server's origin, whose CSP blocks scripts
      await page.goto(`${network.url}/health`);

      await watchIn(page, { url: "/", database: "d" });

      expect(await waitForPercent(page, "live", 1)).toBe("0%");
    });

    it("uses a WebSocket by default, and closes it", async () => {
      await using server = await startServer();
      await store(server.url);
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // on the server's origin, whose CSP blocks scripts
      await page.goto(`${server.url}/health`);
      const { webSockets } = recordPage(page);

      await watchIn(page, { url: "/graphql", database: "d" });
      await waitForPercent(page, "live", 1);
      await page.evaluate(() => watched().close());

      await metricReaches(server.url, "tidemark_websockets", 0);
      expect(webSockets).toHaveLength(1);
    });
  },
);

/** Globals that the script defines in the page. */
declare const tidemark: typeof client;
declare function watched(): client.Watch;

async function watchIn(page: Page, options: client.WatchOptions): Promise<void> {
  await page.addScriptTag({ content: await bundleClient() });
  await page.evaluate((given) => {
    const watch = tidemark.watch(given);
    Object.assign(globalThis, { watched: () => watch });
  }, options);
}

/** The progress of the job, once the watch has this status and the job at least this version. */
async function waitForPercent(page: Page, status: string, version: number): Promise<string | undefined> {
  await page.waitForFunction(
    ([kind, least]) => watched().status.kind === kind && watched().job("u", "j")!.version >= least,
    [status, version] as const,
  );
  return page.evaluate(() => watched().job("u", "j")?.task.progress.percent);
}
