import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goToTab } from "../kit/browser/graphiql-tab.js";
import { isBrowserTested, openBrowser } from "../kit/browser/browser.js";
import { PrefixProxy } from "../kit/network/prefix-proxy.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { jobRow, untilLive, waitForValue } from "./dashboard-page.js";
import { storeTask } from "../server/jobs.js";

const JOBS = "?database=d";

describe.skipIf(!isBrowserTested())(
  "A session of the dashboard (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());

    it("is shared by all tabs and GraphiQL if the user keeps it, and ends everywhere on sign-out", async () => {
      await using world = await openWorld(browser);
      const [first, second] = [await world.openPage(`/${JOBS}`), await world.openPage(`/${JOBS}`)];
      const graphiql = await world.openPage("/graphql");
      const signInLink = graphiql.getByRole("link", { name: "Sign in at the dashboard" });
      await signInLink.waitFor();

      await signIn(first, world.token, { isKept: true });
      await Promise.all([untilLive(first), untilLive(second)]);
      await signInLink.waitFor({ state: "detached" });
      await runTab(graphiql, "Watch", "CaughtUp");
      await waitForValue(async () => world.server.hub.subscriberCount, 3);
      await second.getByRole("button", { name: "Sign out" }).click();

      await first.getByLabel("Token").waitFor();
      await second.getByLabel("Token").waitFor();
      await signInLink.waitFor();
      await waitForValue(async () => world.server.hub.subscriberCount, 0);
      expect(await storedBy(first)).toEqual([]);
    });

    it("belongs to its tab unless the user keeps it, and includes GraphiQL in that tab", async () => {
      await using world = await openWorld(browser);
      const page = await world.openPage(`/${JOBS}`);

      await signIn(page, world.token, { isKept: false });
      await untilLive(page);
      const other = await world.openPage(`/${JOBS}`);
      await other.getByLabel("Token").waitFor();
      await page.goto(`${world.url}/graphql`);
      await runTab(page, "Watch", "CaughtUp");

      expect(
        await page.evaluate(() => Object.keys(localStorage).filter((key) => !/graphiql/.test(key))),
      ).toEqual([]);
    });

    it("shows its user and role, and why a viewer sees no jobs", async () => {
      await using world = await openWorld(browser);
      const token = await world.tokens.grant("vic", { role: "viewer" });
      const page = await world.openPage("/?database=others");

      await signIn(page, token, { isKept: false });

      await page.locator(".signed-in", { hasText: "vic (viewer)" }).waitFor();
      await page.getByRole("heading", { name: "No jobs that you can see" }).waitFor();
      expect(await page.getByRole("button", { name: "Copy" }).count()).toBe(0);
    });

    it("of a tab takes precedence over the one that is kept", async () => {
      await using world = await openWorld(browser);
      const bobs = await world.tokens.grant("bob");
      const page = await world.openPage(`/${JOBS}`);
      await signIn(page, bobs, { isKept: false });
      await untilLive(page);

      const other = await world.openPage(`/${JOBS}`);
      await signIn(other, world.token, { isKept: true });
      await jobRow(other, "work").waitFor();
      await page.reload();
      await untilLive(page);

      expect(await jobRow(page, "work").count()).toBe(0);
    });

    it("that ends shows why, and the same view after the next sign-in", async () => {
      await using world = await openWorld(browser);
      const page = await world.openPage(`/${JOBS}&search=work&sort=elapsed`);
      await signIn(page, world.token, { isKept: true });
      await jobRow(page, "work").waitFor();

      const next = await world.tokens.grant("alice", { role: "viewer" });
      await world.tokens.revoke("alice");
      await page.getByText("Your session has ended").waitFor();
      await signIn(page, next, { isKept: true });
      await page.getByText("Invalid or expired token").waitFor();
      await signIn(page, await world.tokens.grant("alice"), { isKept: true });
      await jobRow(page, "work").waitFor();

      expect(new URL(page.url()).search).toBe("?database=d&search=work&sort=elapsed");
    });

    it("is not used for another server at the same origin", async () => {
      await using world = await openWorld(browser);
      await using proxy = await PrefixProxy.open(world.server.url, "/one");
      await using context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${proxy.url}${JOBS}`);
      await signIn(page, world.token, { isKept: true });
      await untilLive(page);
      await page.goto(`${proxy.url}graphql`);
      await runTab(page, "Watch", "CaughtUp");

      const keys = await page.evaluate(() =>
        Object.keys(localStorage).filter((key) => !/graphiql/.test(key)),
      );

      expect(keys).toEqual(["tidemark.session /one/"]);
    });
  },
);

interface World extends AsyncDisposable {
  readonly url: string;
  readonly server: TestServer;
  readonly tokens: Tokens;
  /** Of alice, who has the job `work` in the database `d`. */
  readonly token: string;
  /** All pages share one profile. */
  openPage(address: string): Promise<Page>;
}

async function openWorld(browser: Browser): Promise<World> {
  const tokens = new Tokens();
  const token = await tokens.grant("alice");
  const server = await startServer({ auth: tokens.auth });
  await storeAs(token, server.url);
  const context: BrowserContext = await browser.newContext();
  return {
    url: server.url,
    server,
    tokens,
    token,
    async openPage(address) {
      const page = await context.newPage();
      await page.goto(`${server.url}${address}`);
      return page;
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      await server.close();
    },
  };
}

async function storeAs(token: string, url: string): Promise<void> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(storeTask({ username: "alice" })),
  });
  expect(response.status).toBe(200);
}

async function signIn(page: Page, token: string, { isKept }: { readonly isKept: boolean }): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await page.getByLabel("Keep me signed in on this device").setChecked(isKept);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The names of what the browser keeps for the page, besides GraphiQL's own settings. */
function storedBy(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter(
      (key) => !key.startsWith("graphiql"),
    ),
  );
}

/** Runs a tab of GraphiQL until the result contains a text. */
async function runTab(page: Page, name: string, result: string): Promise<void> {
  await page.locator(".graphiql-tab-active").waitFor();
  await goToTab(page, name);
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await page.locator(".result-window").getByText(result).first().waitFor();
}
