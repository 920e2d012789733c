import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, leaf } from "../../src/client/index.js";
import { isBrowserTested, openBrowser } from "../kit/browser/browser.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { startServer } from "../kit/server/server.js";
import { store } from "../server/jobs.js";
import { jobRow, openDashboard, seriousViolations, untilLive } from "./dashboard-page.js";

describe.skipIf(!isBrowserTested())(
  "The first minute of the dashboard (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    let browser: Browser;
    beforeAll(async () => void (browser = await openBrowser()), 90_000);
    afterAll(() => browser.close());

    it("opens the database that was reported to last, and says how many jobs run in the others", async () => {
      const clock = new ManualClock(1_700_000_000_000);
      await using server = await startServer({}, { clock });
      for (const database of ["b", "c", "a"]) {
        await store(server.url, { database });
        clock.advance(1_000);
      }
      const worker = connect({ url: server.url, database: "b" }).job({ jobId: "late" }, leaf("Late"));
      worker.begin();
      await worker.flush();
      await using page = await openDashboard(browser, server.url);
      await using other = await openDashboard(browser, server.url, "?database=c");

      await jobRow(page, "Late").waitFor();
      await jobRow(other, "work").waitFor();
      const picker = other.getByRole("button", { name: "Database" });
      await picker.getByText("+1 running elsewhere").waitFor();
      worker.finish();
      await worker.flush();

      expect(new URL(page.url()).searchParams.get("database")).toBe("b");
      expect(new URL(other.url()).searchParams.get("database")).toBe("c");
      expect(await page.getByText("running elsewhere").count()).toBe(0);
    });

    it("opens the link that a worker prints before it has reported, as soon as it reports", async () => {
      await using server = await startServer();
      const job = connect({ url: server.url }).job({ jobId: "import-1" }, leaf("Import"));
      await using page = await openDashboard(browser, server.url, job.url.slice(`${server.url}/`.length));
      await page.getByText("Waiting for this job").waitFor();
      await page.locator(".connection", { hasText: "Live" }).waitFor();

      await job.run(() => {});

      await page.getByRole("heading", { name: "Import", exact: true }).waitFor();
      expect(new URL(page.url()).searchParams.get("owner")).toBe("anonymous");
    });

    it("leads from an empty database to those with jobs", async () => {
      await using server = await startServer();
      await store(server.url, { database: "staging" });
      await using page = await openDashboard(browser, server.url, "?database=default");

      await page.getByRole("link", { name: "staging" }).click();

      await jobRow(page, "work").waitFor();
      expect(new URL(page.url()).searchParams.get("database")).toBe("staging");
    });

    it("copies the commands of the empty database one by one", async () => {
      await using server = await startServer();
      await using page = await openDashboard(browser, server.url);
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);

      await page.getByRole("button", { name: "Copy: Install: Python" }).click();
      await page.getByRole("button", { name: "Copy: Install: Python" }).getByText("Copied").waitFor();

      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("pip install tidemark");
    });

    it("offers the demonstration and GraphiQL while there are jobs", async () => {
      await using server = await startServer();
      await store(server.url, { database: "default" });
      await using page = await openDashboard(browser, server.url);
      await untilLive(page);

      expect(await page.getByRole("link", { name: "GraphiQL" }).getAttribute("href")).toBe(
        `${server.url}/graphql`,
      );
      await page.keyboard.press("?");
      expect(await seriousViolations(page)).toEqual([]);
      await page.getByRole("dialog").getByRole("button", { name: "Run a demo job" }).click();

      await page.getByRole("treegrid").waitFor();
      expect(await page.getByRole("dialog").count()).toBe(0);
    });
  },
);
