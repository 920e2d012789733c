import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser } from "../kit/browser/browser.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { store, update } from "../server/jobs.js";
import { openDashboard, untilLive, waitForValue } from "./dashboard-page.js";

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Counts with every unit, and around the values at which the text changes its form. */
const COUNTS = [0, 9, 2_400, 8_888, 9_999, 88_888, 99_999, 888_888, 9_999_999, 88_888_888, 8.88e11, 4.44e15];

/** The subtasks of a job that has done a part of a volume, which is known or not. */
const PARTS = COUNTS.flatMap((count) => [
  { description: `${count} known`, volume: Math.max(1, count) },
  {
    description: `${count} open`,
    subTasks: [{ description: "a", volume: Math.max(1, count) }, { description: "b" }],
  },
]);

const WIDTHS = [1_440, 1_200, 1_000, 768, 480, 360];
const FONT_SIZES = [16, 24];

const CASES = ["?database=d", "?database=d&owner=u&job=many"].flatMap((address) =>
  FONT_SIZES.map((fontSize) => ({ address, fontSize })),
);

describe.skipIf(!isBrowserTested())("The columns (in CI; needs Chromium)", { timeout: 120_000 }, () => {
  let browser: Browser;
  let server: TestServer; // shared, as the tests only read it
  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser(), serverOfManyNumbers()]);
  }, 90_000);
  afterAll(async () => void (await Promise.all([browser.close(), server.close()])));

  it.each(CASES)("show all values in full: $address, font size $fontSize", async ({ address, fontSize }) => {
    await using page = await openDashboard(browser, server.url, address);
    const debug = await page.context().newCDPSession(page);
    await debug.send("Page.setFontSizes", { fontSizes: { standard: fontSize } });
    await page.reload();
    await untilLive(page);

    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 2_000 });
      await waitForValue(async () => (await visibleRowCount(page)) > COUNTS.length, true);

      expect({ width, clipped: await clippedCells(page) }).toEqual({ width, clipped: [] });
    }
  });
});

async function serverOfManyNumbers(): Promise<TestServer> {
  const clock = new ManualClock(Date.now() - 499 * DAY);
  const opened = await startServer({ retention: "3650d", lease: "1h" }, { clock });
  const { url } = opened;
  await store(url, { jobId: "many", task: { description: "many", subTasks: PARTS } });
  for (const [index, part] of PARTS.entries())
    await store(url, { jobId: `job ${index}`, task: { ...part, description: part.description } });
  for (const at of [0, 1, 2, 3]) {
    clock.advance(at === 1 ? 499 * DAY : MINUTE / 4);
    for (const [index, { subTasks, volume }] of PARTS.entries()) {
      const most = volume ?? subTasks![0]!.volume!;
      const done = Math.floor((most * (at + 1)) / 4.3);
      const path = subTasks ? "0" : "";
      await update(url, { jobId: `job ${index}`, updates: [{ path, done }] });
      await update(url, { jobId: "many", updates: [{ path: `${index}${subTasks ? ".0" : ""}`, done }] });
    }
  }
  for (const [index, status] of (["FAILED", "CANCELED", "FINISHED"] as const).entries())
    await update(url, { jobId: `job ${index}`, updates: [{ path: "", status }] });
  return opened;
}

function visibleRowCount(page: Page): Promise<number> {
  return page.locator(".virtual > [role=row]").count();
}

/** The texts of the cells, rows and numbers that do not fit. Names end with an ellipsis instead. */
function clippedCells(page: Page): Promise<string[]> {
  return page.locator(".virtual > [role=row]").evaluateAll((rows) => {
    const parts = rows.flatMap((row) => [row, ...row.querySelectorAll(".cell, .number > *, .percent")]);
    const isClipped = ({ scrollWidth, clientWidth, scrollHeight, clientHeight }: Element): boolean =>
      clientWidth > 0 && (scrollWidth > clientWidth || scrollHeight > clientHeight);
    return parts.filter(isClipped).map(({ className, textContent }) => `${className}: ${textContent}`);
  });
}
