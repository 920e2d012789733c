import { describe, expect, it } from "vitest";
import type * as Sdk from "../../../src/client/index.js";
import { isBrowserTested, openBrowser } from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startServer } from "../../kit/server/server.js";
import { store, update } from "../../server/jobs.js";

const QUERY = `subscription ($after: Position) {
  taskEvents(database: "d", after: $after) { kind: __typename position }
}`;

interface Seen {
  readonly data: { readonly taskEvents: { readonly kind: string } };
}

describe.skipIf(!isBrowserTested())(
  "An EventSource with resumable() (under CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it("misses nothing and repeats nothing when its connection is cut and refused", async () => {
      await using server = await startServer();
      await using network = await SeverableProxy.open(server.url);
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // same origin, but the page's policy forbids scripts
      await page.goto(`${network.url}/health`);
      await page.addScriptTag({ content: await bundleClient(["eventSourceClient", "resumable"]) });

      await page.evaluate((query) => {
        const { tidemark } = globalThis as unknown as { tidemark: typeof Sdk };
        const seen: unknown[] = [];
        Object.assign(globalThis, { seen });
        const sink = { next: (result: unknown) => seen.push(result), error: console.error, complete() {} };
        tidemark.resumable(tidemark.eventSourceClient("/graphql")).subscribe({ query }, sink);
      }, QUERY);
      await page.waitForFunction("seen.length >= 2");
      await store(server.url);
      await page.waitForFunction("seen.length >= 3");
      network.shut();
      await update(server.url, { updates: [{ done: 1 }] });
      await update(server.url, { updates: [{ done: 2 }] });
      network.reopen();
      await page.waitForFunction("seen.length >= 5");
      await update(server.url, { updates: [{ done: 3 }] });
      await page.waitForFunction("seen.length >= 6");
      const results = await page.evaluate<readonly Seen[]>("seen");

      expect(results.map(({ data }) => data.taskEvents.kind)).toEqual([
        "Reset",
        "CaughtUp",
        "TaskStored",
        "TaskUpdated",
        "CaughtUp",
        "TaskUpdated",
      ]);
    });
  },
);
