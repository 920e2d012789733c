/**
 * A real browser for the tests of what is seen in one: Debian's Chromium, driven by playwright-core, which
 * brings none of its own. They take long, and are skipped where `CI` is not set, or where there is no Chromium:
 *
 *     describe.skipIf(!isBrowserTested())("the page (under CI; needs Chromium)", () => {
 *       it("greets", async () => {
 *         await using browser = await openBrowser();
 *         const page = await browser.newPage();
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContextOptions,
  type BrowserServer,
  chromium,
  type Page,
} from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { PROJECT } from "../process/child-process.js";
import { IS_FULL_LENGTH } from "../process/full-length.js";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/**
 * Without a sandbox, since tests also run as root; quiet, so that all that it asks for is the page's; and without any
 * other host, so that what a page shows works without internet.
 */
const ARGUMENTS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** Whether tests may take long, and there is a Chromium at `CHROMIUM_PATH`, or else at `/usr/bin/chromium`. */
export function isBrowserTested(): boolean {
  return IS_FULL_LENGTH && existsSync(executablePath);
}

/**
 * A browser in which every `newPage()` has a fresh profile of its own; closing it closes its pages. Chromium itself is
 * started once, and ends with the process.
 */
export async function openBrowser(): Promise<Browser> {
  running ??= chromium.launchServer({ executablePath, args: ARGUMENTS });
  return chromium.connect((await running).wsEndpoint());
}

let running: Promise<BrowserServer> | undefined;

/** What Chromium complains of while the server of a page is killed and started again. */
export const SERVER_IS_AWAY =
  /ERR_(CONNECTION_|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)|WebSocket connection/;

export interface StrictPageOptions extends BrowserContextOptions {
  /** Complaints that are no fault: that a server which was killed can't be reached. */
  readonly mayComplain?: RegExp;
}

/**
 * A page that may not complain: the test fails when there was an error or a warning on its console, which is also
 * where what a Content-Security-Policy forbids is told, or an error that nothing caught.
 */
export async function openStrictPage(
  browser: Browser,
  { mayComplain, ...options }: StrictPageOptions = {},
): Promise<Page> {
  const page = await browser.newPage(options);
  const { complaints } = recordPage(page);
  onTestFinished(() => {
    expect(complaints.filter((complaint) => !mayComplain?.test(complaint))).toEqual([]);
  });
  return page;
}

/** Writes what the page shows to `test-results/NAME-light.png` and `-dark.png`, for people to look at. */
export async function takeScreenshots(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(PROJECT, "test-results", `${name}-${colorScheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: null });
}

export interface PageRecord {
  /** What it asked for, and the WebSockets that it opened, `ws` written as `http`. */
  readonly urls: readonly string[];
  /** Where it sent requests and opened WebSockets to, `ws` written as `http`. */
  readonly origins: ReadonlySet<string>;
  /** The URLs of its WebSockets. */
  readonly webSockets: readonly string[];
  /** Errors and warnings on its console, and errors that nothing caught. */
  readonly complaints: readonly string[];
}

/** Writes down, from now on, what a page does behind its face. Call it before the page goes anywhere. */
export function recordPage(page: Page): PageRecord {
  const urls: string[] = [];
  const origins = new Set<string>();
  const webSockets: string[] = [];
  const complaints: string[] = [];
  const asked = (url: string): void => {
    urls.push(url);
    origins.add(originOf(url));
  };
  page.on("request", (request) => asked(request.url()));
  page.on("websocket", (socket) => {
    webSockets.push(socket.url());
    asked(socket.url().replace(/^ws/, "http"));
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { urls, origins, webSockets, complaints };
}

/** Of `blob:http://host/id` too it is `http://host`. */
function originOf(url: string): string {
  return new URL(url).origin;
}
