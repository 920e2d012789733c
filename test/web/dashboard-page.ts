/** The dashboard in a browser, as the tests look at it: by what it says, and by the roles of what is in it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { openStrictPage, type StrictPageOptions } from "../kit/browser/browser.js";

const WIDE = { width: 1_440, height: 900 };

/** Opens it at an address that follows the server's: `?database=demo`. */
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

/** The row of a job in the list. */
export function jobRow(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** The names of the jobs that are listed, from above. */
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

/** The role of what the keys go to. */
export function focusedRole(page: Page): Promise<string | null | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute("role"));
}

/** What the header says of the connection. */
export function connectionOf(page: Page): Locator {
  return page.locator(".connection");
}

/** Waits until all has been told. */
export async function untilLive(page: Page): Promise<void> {
  await connectionOf(page).filter({ hasText: "Live" }).waitFor();
}

/** Faults that keep somebody out, as axe finds them; each with where it is. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Through the debugger, as the page's Content-Security-Policy lets no script in.
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

/** How many pixels the page, or what scrolls in it, is wider than what is seen of it. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => {
    const scrollers = [document.documentElement, ...document.querySelectorAll("[data-scroller]")];
    return Math.max(...scrollers.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  });
}

/** Whether it becomes so, while the test has time. */
export async function becomes(look: () => Promise<unknown>, wanted: unknown): Promise<void> {
  await expect.poll(look, { timeout: 20_000 }).toEqual(wanted);
}
