import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser } from "../kit/browser/browser.js";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { startServer } from "../kit/server/server.js";
import { store, update } from "./jobs.js";

const EVENTS = `subscription { taskEvents(database: "d") { kind: __typename position } }`;

interface Seen {
  readonly kind: string;
  readonly position: string;
  readonly id: string;
}

describe.skipIf(!isBrowserTested())(
  "An EventSource of a browser (under CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it("reconnects by itself after its connection was cut, and misses nothing", async () => {
      await using server = await startServer();
      await using network = await SeverableProxy.open(server.url);
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // same origin, but the page's policy forbids scripts
      await page.goto(`${network.url}/health`);

      await watch(page);
      await seen(page, 2);
      await store(server.url);
      await seen(page, 3);
      network.sever();
      await update(server.url, { updates: [{ path: "", done: 1 }] });
      await update(server.url, { updates: [{ path: "", done: 2 }] });
      const events = await seen(page, 5);

      expect(events.map(({ kind }) => kind)).toEqual([
        "Reset",
        "CaughtUp",
        "TaskStored",
        "TaskUpdated",
        "CaughtUp",
      ]);
      expect(events.map(({ id }) => id)).toEqual(events.map(({ position }) => position));
    });
  },
);

/** Opens an EventSource that collects its events. */
async function watch(page: Page): Promise<void> {
  await page.evaluate((query) => {
    const seenHere: Seen[] = [];
    Object.assign(globalThis, { seenHere });
    const source = new EventSource(`/graphql?${new URLSearchParams({ query })}`);
    source.addEventListener("next", ({ data, lastEventId }) => {
      const { taskEvents } = (JSON.parse(String(data)) as { data: { taskEvents: Omit<Seen, "id"> } }).data;
      seenHere.push({ ...taskEvents, id: lastEventId });
    });
  }, EVENTS);
}

/** The collected events, once there are `count`. */
async function seen(page: Page, count: number): Promise<Seen[]> {
  const read = (): Seen[] => (globalThis as unknown as { seenHere: Seen[] }).seenHere;
  await page.waitForFunction((least) => {
    return (globalThis as unknown as { seenHere: Seen[] }).seenHere.length >= least;
  }, count);
  return page.evaluate(read);
}
