/** Queries of the dashboard in a browser: by text and by ARIA role. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { openStrictPage, type StrictPageOptions } from "../kit/browser/browser.js";

const WIDE = { width: 1_440, height: 900 };

/** @param address appended to the server's URL, such as `?database=demo` */
export async function openDashboard(
  browser: Browser,
  serverUrl: string,
  address = "",
  options: StrictPageOptions = {},
): Promise<Page> {
  const page = await openStrictPage(browser, { viewport: WIDE, ...options });
  await page.goto(`${serverUrl}/${address}`);
  return page;
}

export function jobRow(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** The names of the listed jobs, from top to bottom. */
export async function listedJobs(page: Page): Promise<string[]> {
  const rows = page.locator(".virtual > .job-row");
  const names = await rows.evaluateAll((elements) =>
    elements
      .map((row) => ({
        top: row.getBoundingClientRect().top,
        name: row.querySelector("a")?.textContent ?? "",
      }))
      .toSorted((one, other) => one.top - other.top)
      .map(({ name }) => name),
  );
  return names;
}

/** The role of the focused element. */
export function focusedRole(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute("role"));
}

/** The connection status in the header. */
export function connectionOf(page: Page): Locator {
  return page.locator(".connection");
}

/** Waits until the page has the current state and receives changes. */
export async function untilLive(page: Page): Promise<void> {
  await connectionOf(page).filter({ hasText: "Live" }).waitFor();
}

/** The serious accessibility violations that axe finds, each with its element. */
export async function seriousViolations(page: Page): Promise<string[]> {
  // Through the debugger, as the page's Content-Security-Policy blocks scripts.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => (globalThis as unknown as Axe).axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

interface Axe {
  readonly axe: { run(): Promise<AxeResults> };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How many pixels the page, or a scroller in it, overflows its width. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => {
    const scrollers = [document.documentElement, ...document.querySelectorAll("[data-scroller]")];
    return Math.max(...scrollers.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  });
}

/** Polls until `read` returns `expected`. */
export async function waitForValue(read: () => Promise<unknown>, expected: unknown): Promise<void> {
  await expect.poll(read, { timeout: 20_000 }).toEqual(expected);
}
