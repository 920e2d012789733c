/**
 * A real browser for tests: Debian's Chromium, driven by playwright-core, which ships no browser of its own.
 * These tests are slow. They are skipped unless `CI` is set and Chromium is installed:
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
 * Without a sandbox, because tests may run as root. Without background requests and without any other host, so
 * that pages are tested without internet access.
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

/** Whether long tests are enabled and Chromium is at `CHROMIUM_PATH`, by default `/usr/bin/chromium`. */
export function isBrowserTested(): boolean {
  return IS_FULL_LENGTH && existsSync(executablePath);
}

/**
 * A browser in which every `newPage()` has a fresh profile. Closing it closes its pages. Chromium itself
 * starts once and ends with the process.
 */
export async function openBrowser(): Promise<Browser> {
  running ??= chromium.launchServer({ executablePath, args: ARGUMENTS });
  return chromium.connect((await running).wsEndpoint());
}

let running: Promise<BrowserServer> | undefined;

/** Console errors of Chromium while the server of a page restarts. */
export const SERVER_IS_AWAY =
  /ERR_(CONNECTION_|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)|WebSocket connection/;

export interface StrictPageOptions extends BrowserContextOptions {
  /** Console errors to ignore, such as failed connections to a server that was killed. */
  readonly mayComplain?: RegExp;
}

/**
 * A page whose console must stay clean: the test fails after an error or a warning on the console (which
 * includes violations of the Content-Security-Policy) or an uncaught error.
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

/** Saves screenshots of the page as `test-results/NAME-light.png` and `-dark.png`. */
export async function takeScreenshots(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(PROJECT, "test-results", `${name}-${colorScheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: null });
}

export interface PageRecord {
  /** The URLs of its requests and WebSockets, with `ws` written as `http`. */
  readonly urls: readonly string[];
  /** The origins of its requests and WebSockets, with `ws` written as `http`. */
  readonly origins: ReadonlySet<string>;
  /** The URLs of its WebSockets. */
  readonly webSockets: readonly string[];
  /** Errors and warnings on its console, and uncaught errors. */
  readonly complaints: readonly string[];
}

/** Records the requests, WebSockets and console errors of a page. Call it before the page navigates. */
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

/** The origin of a URL; `http://host` for `blob:http://host/id` too. */
function originOf(url: string): string {
  return new URL(url).origin;
}
