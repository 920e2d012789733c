import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser } from "../kit/browser/browser.js";
import { startServer } from "../kit/server/server.js";
import { store, update } from "../server/jobs.js";
import { openDashboard, untilLive, waitForValue } from "./dashboard-page.js";

const LINES = 40;
/** As many as the page lists if each request may list one. */
const DATABASES = 10;

/** Limits, and how many of the log lines the page then shows. */
const CASES: readonly (readonly [limits: Readonly<Record<string, string>>, lines: number])[] = [
  [{ logLinesPerJobMax: "10" }, 10],
  [{ logLinesPerJobMax: "1000" }, LINES],
  [{ pageSizeMax: "10", pageSizeDefault: "10" }, LINES],
  [{ pageSizeMax: "1", pageSizeDefault: "1" }, LINES],
  [{ messageTextBytesMax: "100" }, LINES],
  [{ itemsPerAnswerMax: "30", tasksPerTreeMax: "2", logLinesPerJobMax: "26" }, 26],
  [{ queryCostMax: "200" }, 20],
];

describe.skipIf(!isBrowserTested())(
  "The dashboard of a server with other limits (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    let browser: Browser;
    beforeAll(async () => void (browser = await openBrowser()), 90_000);
    afterAll(() => browser.close());

    it.each(CASES)("lists all databases, shows the log, and cancels a job: %o", async (limits, lines) => {
      await using server = await startServer(limits);
      for (let index = 0; index < DATABASES; index++)
        await store(server.url, { database: `d${String(index).padStart(2, "0")}` });
      for (let index = 0; index < LINES; index++)
        await update(server.url, { database: "d00", updates: [], log: [{ message: `line ${index}` }] });
      await using page = await openDashboard(browser, server.url);

      await page.getByRole("link", { name: "work" }).click();
      await page.getByText(`line ${LINES - 1}`, { exact: true }).waitFor();
      const shown = await page.locator(".log-lines li").count();
      await page.getByRole("button", { name: "Database" }).click();
      await waitForValue(() => page.locator(".picker-list a").count(), DATABASES);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Cancel…" }).click();
      await page.getByLabel("Reason").fill("é€😀".repeat(100));
      const reason = await page.getByLabel("Reason").inputValue();
      await page.getByRole("button", { name: "Cancel the job" }).click();
      await page.getByText("Cancellation requested by anonymous").waitFor();
      await untilLive(page);

      expect(shown).toBe(lines);
      expect(await page.locator(".notices").textContent()).toContain(reason);
      expect(reason.length).toBeGreaterThan(30);
    });
  },
);
