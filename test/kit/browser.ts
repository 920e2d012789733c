/**
 * A real browser for the tests of what is seen in one: Debian's Chromium, driven by playwright-core, which
 * brings none of its own. Where there is no Chromium those tests are skipped:
 *
 *     describe.skipIf(!hasChromium())("the page (needs Chromium)", () => {
 *       it("greets", async () => {
 *         await using browser = await openBrowser();
 *         const page = await browser.newPage();
 */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Without a sandbox, since tests also run as root; and quiet, so that all that it asks for is the page's. */
const ARGUMENTS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether there is a Chromium at `CHROMIUM_PATH`, or else at `/usr/bin/chromium`. */
export function hasChromium(): boolean {
  return existsSync(executablePath);
}

/** Starts Chromium with a fresh profile; every `newPage()` has a profile of its own again. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

export interface PageRecord {
  /** Where it sent requests and opened WebSockets to, `ws` written as `http`. */
  readonly origins: ReadonlySet<string>;
  /** The URLs of its WebSockets. */
  readonly webSockets: readonly string[];
  /** Errors and warnings on its console, and errors that nothing caught. */
  readonly complaints: readonly string[];
}

/** Writes down, from now on, what a page does behind its face. Call it before the page goes anywhere. */
export function recordPage(page: Page): PageRecord {
  const origins = new Set<string>();
  const webSockets: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => origins.add(originOf(request.url())));
  page.on("websocket", (socket) => {
    webSockets.push(socket.url());
    origins.add(originOf(socket.url()));
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { origins, webSockets, complaints };
}

/** Of `blob:http://host/id` too it is `http://host`. */
function originOf(url: string): string {
  return new URL(url.replace(/^ws/, "http")).origin;
}
