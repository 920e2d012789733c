import { gzipSync } from "node:zlib";
import type { Page, Response } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  isBrowserTested,
  openBrowser,
  openStrictPage,
  recordPage,
  SERVER_IS_AWAY,
  takeScreenshots,
} from "../kit/browser/browser.js";
import { PrefixProxy } from "../kit/network/prefix-proxy.js";
import { RestartableServer } from "../kit/server/restartable-server.js";
import { startServer } from "../kit/server/server.js";
import { SERVER_JOB_KEY, store, update } from "../server/jobs.js";
import { waitForValue } from "./dashboard-page.js";

const FIRST_VIEW_BYTES_MAX = 60_000;

describe.skipIf(!isBrowserTested())(
  "The page of the dashboard (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it("opens without console errors, and sends no request to another host", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);
      const { origins } = recordPage(page);

      await open(page, server.url);
      await takeScreenshots(page, "page");

      expect([...origins]).toEqual([server.url]);
    });

    it("loads at most 60 kB of gzipped scripts for its first view", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);
      const responses: Response[] = [];
      page.on("response", (response) => responses.push(response));

      await open(page, server.url);
      const scripts = responses.filter((response) => response.request().resourceType() === "script");
      const bodies = await Promise.all(scripts.map((response) => response.body()));
      const sum = bodies.reduce((total, body) => total + gzipSync(body).length, 0);

      expect(sum).toBeGreaterThan(0);
      expect(sum).toBeLessThanOrEqual(FIRST_VIEW_BYTES_MAX);
    });

    it("works behind a path prefix, and sends all requests below it", async () => {
      await using server = await startServer();
      await store(server.url);
      await using proxy = await PrefixProxy.open(server.url, "/tools/tidemark");
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);
      const { urls } = recordPage(page);

      await open(page, proxy.url);
      await page.waitForURL("**/?database=d");

      expect(urls).toContain(proxy.url);
      expect(page.url()).toBe(`${proxy.url}?database=d`);
      expect(urls.filter((url) => !url.startsWith(proxy.url))).toEqual([]);
    });

    it("reloads from a restarted server", async () => {
      await using server = await RestartableServer.start();
      await using browser = await openBrowser();
      const page = await openStrictPage(browser, { mayComplain: SERVER_IS_AWAY });

      await open(page, server.url);
      await server.kill();
      await server.startAgain();
      await open(page, server.url);

      expect(await page.title()).toContain("Tidemark");
    });

    it("releases the memory of a list that it no longer shows", async () => {
      await using server = await startServer();
      let jobCount = 0;
      const storeOne = async (): Promise<void> => {
        const job = { ...SERVER_JOB_KEY, jobId: `job-${jobCount++}` };
        await store(server.url, job);
        await update(server.url, { ...job, updates: [{ path: "", done: 1 }] });
      };
      for (let job = 0; job < LIST_MIN; job++) await storeOne();
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);
      await open(page, `${server.url}/?database=${SERVER_JOB_KEY.database}&sort=-elapsed`);
      const listsAfter = async (changes: number): Promise<number> => {
        for (let change = 0; change < changes; change++) {
          await storeOne();
          await waitForValue(
            () => page.getByRole("grid").getAttribute("aria-rowcount"),
            String(1 + jobCount),
          );
        }
        return countLists(page);
      };

      const few = await listsAfter(2);

      expect(few).toBeGreaterThan(0);
      expect(await listsAfter(10)).toBeLessThanOrEqual(few + 1);
    });

    it("blocks markup and inline scripts, so that no name can run code", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage();
      const { complaints } = recordPage(page);

      await open(page, server.url);
      const blocked = await page.evaluate(() => {
        const isBlocked = (act: () => unknown): boolean => {
          try {
            act();
            return false;
          } catch {
            return true;
          }
        };
        return {
          markup: isBlocked(() => (document.body.innerHTML = "<b>name</b>")),
          evaluated: isBlocked(() => setTimeout("document.title = 'evil'", 0)),
          attribute: isBlocked(() => document.body.setAttribute("onclick", "document.title = 'evil'")),
        };
      });

      expect(blocked).toEqual({ markup: true, evaluated: true, attribute: true });
      expect(complaints.join("\n")).toContain("requires 'TrustedHTML' assignment");
    });
  },
);

/** Resolves when the page is rendered and has loaded all its resources. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url, { waitUntil: "networkidle" });
  await page.locator("body > :not(noscript)").first().waitFor();
}

/** Longer than any other array of the page. */
const LIST_MIN = 400;

/** The number of job lists on the page's heap after a garbage collection. */
async function countLists(page: Page): Promise<number> {
  const debug = await page.context().newCDPSession(page);
  await debug.send("HeapProfiler.collectGarbage");
  const prototype = await debug.send("Runtime.evaluate", { expression: "Array.prototype" });
  const { objects } = await debug.send("Runtime.queryObjects", {
    prototypeObjectId: prototype.result.objectId!,
  });
  const { result } = await debug.send("Runtime.callFunctionOn", {
    objectId: objects.objectId!,
    functionDeclaration: `function () { return this.filter(({ length }) => length >= ${LIST_MIN}).length; }`,
    returnByValue: true,
  });
  await debug.detach();
  return Number(result.value);
}
