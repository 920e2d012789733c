import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { Tokens } from "../../kit/server/tokens.js";
import { goToTab } from "../../kit/browser/graphiql-tab.js";
import { isBrowserTested, openBrowser, openStrictPage, recordPage } from "../../kit/browser/browser.js";
import { PrefixProxy } from "../../kit/network/prefix-proxy.js";
import { startServer } from "../../kit/server/server.js";

/** Chromium takes 2 s for the page's 9 MB, and longer beside other tests. */
const TIMEOUT_MS = 90_000;

/** The tabs in their order, each with a text of its result. */
const RESULTS = [
  ["List", "totalCount"],
  ["Store", "CREATED"],
  ["Report", "40 of 100 files"],
  ["Watch", "CaughtUp"],
  ["Cancel", "A newer import is waiting."],
  ["ListProgress", "progressBar"],
] as const;

describe.skipIf(!isBrowserTested())(
  "GraphiQL in a browser (under CI; needs Chromium)",
  { timeout: TIMEOUT_MS },
  () => {
    it("has a tab for each common task, and each runs as it is, in this order", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);

      await openGraphiql(page, server.url);
      const names = await page.locator(".graphiql-tab-button").allTextContents();
      for (const [name, text] of RESULTS) {
        await goToTab(page, name);
        await play(page);
        await seeResult(page, text);
        expect(await page.locator(".result-window").textContent()).not.toContain("errors");
      }

      expect(names).toEqual(RESULTS.map(([name]) => name));
    });

    it("clips no line, tab or button of a window that is 1280 pixels wide", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });

      await openGraphiql(page, server.url);
      const clipped = await clippedTexts(page, ".tidemark *, .graphiql-tab, .graphiql-toolbar button");
      for (const [name] of RESULTS) {
        await goToTab(page, name);
        clipped.push(...(await clippedTexts(page, ".graphiql-query-editor .view-line > span")));
      }

      expect(clipped).toEqual([]);
      expect(await bottomOf(page.locator(".graphiql-sidebar button").last())).toBeLessThanOrEqual(720);
    });

    it("leads back to the dashboard, and works, behind a path prefix", async () => {
      await using server = await startServer();
      await using proxy = await PrefixProxy.open(server.url, "/tools/tidemark");
      await using browser = await openBrowser();
      const page = await openStrictPage(browser);

      await openGraphiql(page, `${proxy.url.slice(0, -1)}`);
      await play(page);
      await seeResult(page, "totalCount");
      await page.getByRole("link", { name: "Dashboard" }).click();

      await page.getByRole("link", { name: "Tidemark" }).waitFor();

      expect(page.url().startsWith(proxy.url)).toBe(true);
    });

    it("has no link to a dashboard that is off", async () => {
      await using server = await startServer({ dashboard: "off" });
      await using browser = await openBrowser();
      const page = await browser.newPage();

      await openGraphiql(page, server.url);

      expect(await page.getByRole("link", { name: "Dashboard" }).count()).toBe(0);
    });

    it("shows over WebSocket the reports of a second window", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const watcher = await browser.newPage();
      const worker = await browser.newPage();
      const record = recordPage(watcher);

      await openGraphiql(watcher, server.url);
      await goToTab(watcher, "Store");
      await play(watcher);
      await seeResult(watcher, "CREATED");
      await goToTab(watcher, "Watch");
      await play(watcher);
      await seeResult(watcher, "CaughtUp");
      await openGraphiql(worker, server.url);
      await goToTab(worker, "Report");
      await play(worker);
      await seeResult(watcher, "TaskUpdated");
      await seeResult(watcher, "Import");

      expect(record.webSockets).toEqual([`${server.url.replace("http", "ws")}/graphql`]);
    });

    it("sends the token in its headers, also for subscriptions", async () => {
      const tokens = new Tokens();
      const token = await tokens.grant("alice");
      await using server = await startServer({ auth: tokens.auth });
      await using browser = await openBrowser();
      const page = await browser.newPage();
      const record = recordPage(page);

      await openGraphiql(page, server.url);
      await goToTab(page, "Store");
      await play(page);
      await seeResult(page, "UNAUTHENTICATED");
      await giveHeaders(page, { authorization: `Bearer ${token}` });
      await play(page);
      await seeResult(page, "CREATED");
      await goToTab(page, "Watch");
      await giveHeaders(page, { authorization: `Bearer ${token}` });
      await play(page);
      await seeResult(page, "CaughtUp");

      expect(record.webSockets).toEqual([]);
    });

    it("requests nothing from other hosts and logs no error to the console", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage();
      const record = recordPage(page);

      await openGraphiql(page, server.url);
      await goToTab(page, "Store");
      await play(page);
      await seeResult(page, "CREATED");
      await goToTab(page, "Watch");
      await play(page);
      await seeResult(page, "CaughtUp");
      await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
      await page.getByText("UserTaskConnection").waitFor();

      expect([...record.origins]).toEqual([server.url]);
      expect(record.complaints).toEqual([]);
    });

    it("has the same tabs after a reload", async () => {
      await using server = await startServer();
      await using browser = await openBrowser();
      const page = await browser.newPage();

      await openGraphiql(page, server.url);
      await page.waitForFunction(() => localStorage.getItem("graphiql:tabState"));
      await page.reload();
      await page.locator(".graphiql-tab-active", { hasText: "List" }).waitFor();

      expect(await page.locator(".graphiql-tab").count()).toBe(RESULTS.length);
    });
  },
);

describe("The GraphiQL page", () => {
  it("is sent only once to a browser that caches it", async () => {
    await using server = await startServer();

    const first = await getPage(server.url);
    const second = await getPage(server.url, { "if-none-match": String(first.headers.get("etag")) });

    expect(first.status).toBe(200);
    expect(first.headers.get("content-encoding")).toBe("gzip");
    expect(second.status).toBe(304);
    expect(await second.text()).toBe("");
  });

  it("is sent uncompressed, with another ETag, to a client without gzip", async () => {
    await using server = await startServer();

    const compressed = await getPage(server.url);
    const plain = await getPage(server.url, { "accept-encoding": "gzip;q=0, identity" });

    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("etag")).not.toBe(compressed.headers.get("etag"));
    expect(await plain.text()).toBe(await compressed.text());
  });

  it("reports no job under an id of the documentation, which may be running", async () => {
    await using server = await startServer();

    const page = await (await getPage(server.url)).text();

    expect(page).toContain("graphiql-1");
    expect(page).not.toContain("import-1");
  });

  it("can run only its own two scripts, load nothing from elsewhere, and appear in no frame", async () => {
    await using server = await startServer();

    const { headers } = await getPage(server.url);

    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'sha256-\S{44}' 'sha256-\S{44}';.* connect-src 'self';.* frame-ancestors 'none'$/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });
});

function getPage(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/graphql`, { headers: { accept: "text/html", "accept-encoding": "gzip", ...headers } });
}

/** Resolves once the page has tabs and the editor has a document. */
async function openGraphiql(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/graphql`);
  await page.locator(".graphiql-tab-active").waitFor();
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
}

async function bottomOf(element: Locator): Promise<number> {
  const { y, height } = (await element.boundingBox())!; // it is drawn by now
  return y + height;
}

/** The texts of elements that are not completely visible: a box above them, or the window, cuts them off. */
function clippedTexts(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((elements) => {
    const isCut = (element: Element): boolean => {
      const { left, right } = element.getBoundingClientRect();
      const boxes = [];
      for (let box = element.parentElement; box; box = box.parentElement)
        if (getComputedStyle(box).overflowX !== "visible") boxes.push(box.getBoundingClientRect());
      return boxes
        .concat(new DOMRect(0, 0, innerWidth, innerHeight))
        .some((box) => left < box.left || right > box.right);
    };
    return elements.filter(isCut).map(({ textContent }) => textContent);
  });
}

async function giveHeaders(page: Page, headers: object): Promise<void> {
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await page.locator(".graphiql-editor-tool .graphiql-editor:visible .view-line").first().click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(JSON.stringify(headers));
}

function play(page: Page): Promise<void> {
  return page.getByRole("button", { name: /^Execute query/ }).click();
}

/** The editor renders only visible lines, so this looks at the top. */
function seeResult(page: Page, text: string): Promise<void> {
  return page.locator(".result-window").getByText(text).first().waitFor();
}
