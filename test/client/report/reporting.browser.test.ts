import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type * as client from "../../../src/client/index.js";
import { isBrowserTested, openBrowser } from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { ask, metricReaches } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";
import { requestCancel } from "../../server/jobs.js";
import { JOB, waitForJob, linesOf, jobOnServer } from "../server-jobs.js";

const EXPORTS = ["connect", "leaf", "task"];
/** An interval that no test waits for. */
const RARELY_MS = 60_000;
/** 400 more than one server needed: the client moves on to another one when its server fails. */
const BUNDLE_BYTES_MAX = 16_400;

it("the SDK adds at most 16.4 kB, gzipped, to a page that reports", async () => {
  expect(gzipSync(await bundleClient(EXPORTS)).length).toBeLessThanOrEqual(BUNDLE_BYTES_MAX);
});

describe.skipIf(!isBrowserTested())(
  "A page that reports (under CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it.each<[string, (page: Page) => Promise<unknown>]>([
      ["is closed", (page) => page.close({ runBeforeUnload: true })],
      ["goes elsewhere", (page) => page.goto("about:blank")],
    ])("sends the last values when it %s", async (_, leave) => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // on the server's origin, whose CSP blocks scripts
      await beginIn(page, server.url);
      await page.evaluate(async () => {
        for (const row of job().track([1, 2, 3], "read")) job().task.message(`row ${row}`);
        await job().flush();
        job().task.sub("write").advance(41);
        job().task.log.info("bye");
      });
      await leave(page);

      const shown = await waitForJob(server.url, ({ log }) => log.length > 0);
      expect(linesOf(shown)).toEqual(["Import RUNNING 44/?", "read FINISHED 3/3", "write RUNNING 41/?"]);
    });

    it("receives a cancel request without progress", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage({ bypassCSP: true }); // on the server's origin, whose CSP blocks scripts
      await beginIn(page, server.url);
      await metricReaches(server.url, "tidemark_subscribers", 1);
      await ask(server.url, requestCancel({ ...JOB, reason: "enough" }));
      await page.waitForFunction(() => job().signal.aborted);

      expect(await page.evaluate(() => String(job().signal.reason))).toContain("enough");
    });
  },
);

/** Globals that the script defines in the page. */
declare const tidemark: typeof client;
declare function job(): client.Job;

/** Resolves once the server has the job. */
async function beginIn(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/health`);
  await page.addScriptTag({ content: await bundleClient(EXPORTS) });
  await page.evaluate(
    async (given) => {
      const { connect, leaf, task } = tidemark;
      const begun = connect(given.options).job(given.job, task("Import", leaf("read"), leaf("write")));
      Object.assign(globalThis, { job: () => begun });
      begun.task.sub("write").begin();
      await begun.flush();
    },
    { options: { url, intervalMs: RARELY_MS }, job: JOB },
  );
  await jobOnServer(url);
}
