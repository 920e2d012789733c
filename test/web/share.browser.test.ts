import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser, openStrictPage, recordPage } from "../kit/browser/browser.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { ALICE, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { seriousViolations, untilLive, waitForValue } from "./dashboard-page.js";

const JOB = "?database=neo4j&owner=alice&job=job";
const REJECTED = { mayComplain: /401 \(Unauthorized\)|WebSocket connection/ };

describe.skipIf(!isBrowserTested())("A shared job (in CI; needs Chromium)", { timeout: 90_000 }, () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await openBrowser()), 90_000);
  afterAll(() => browser.close());

  it("is shown by a link that its owner makes and copies, live and read-only", async () => {
    await using world = await openWorld();
    const owner = await world.openAs(browser, world.token);
    const link = await makeLink(owner, "1 hour");
    const page = await openStrictPage(browser);
    const { urls } = recordPage(page);

    await page.goto(link);
    await page.getByRole("heading", { name: "task", exact: true }).waitFor();
    await untilLive(page);
    await world.store.update(ALICE, reportOf({ done: 50 }));

    await page.getByRole("progressbar").first().and(page.locator("[aria-valuenow='50']")).waitFor();
    expect(await page.getByRole("button", { name: /^(Share|Cancel|Remove)…$/ }).count()).toBe(0);
    expect(await page.getByRole("link").count()).toBe(0);
    await page.getByText("This link shows one job, read-only.").waitFor();
    await page.keyboard.press("Escape");
    expect(page.url()).toBe(`${world.url}/${JOB}`);
    expect(urls.slice(1).join("\n")).not.toContain("tm_"); // the first is the link itself, as the browser opens it
    expect(await seriousViolations(page)).toEqual([]);
  });

  it("stays readable in its tab only, and leaves no token in the history, in the referrer or on the device", async () => {
    await using world = await openWorld();
    await using tabs = await browser.newContext();
    const page = await tabs.newPage();
    await page.goto(await world.link());
    await page.getByRole("heading", { name: "task", exact: true }).waitFor();

    const left = await page.evaluate(() => [
      history.length,
      location.href,
      document.referrer,
      localStorage.length,
    ]);
    await page.reload();
    await page.getByRole("heading", { name: "task", exact: true }).waitFor();
    const other = await tabs.newPage();
    await other.goto(`${world.url}/${JOB}`);

    expect(left).toEqual([2, `${world.url}/${JOB}`, "", 0]); // the blank page, and this one
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  it("does not replace the user's own sign-in, which the viewer can return to", async () => {
    await using world = await openWorld();
    const page = await world.openAs(browser, world.token);

    await page.goto(await world.link());
    await page.getByText("This link shows one job, read-only.").waitFor();
    await page.goto(`${world.url}/?database=neo4j`);
    await page.getByRole("link", { name: "task" }).waitFor();
    await page.goto(`${world.url}/${JOB.replace("alice", "bob")}`);
    await page.getByText("This job does not exist or has expired.").waitFor();
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(1);

    await page.goto(`${world.url}/${JOB}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Remove…" }).waitFor();
  });

  it("opens when its link is pasted over the address of its own page", async () => {
    await using world = await openWorld();
    const page = await openStrictPage(browser, REJECTED);
    await page.goto(`${world.url}/${JOB}`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();

    await page.goto(await world.link());

    await page.getByRole("heading", { name: "task", exact: true }).waitFor();
    expect(page.url()).toBe(`${world.url}/${JOB}`);
  });

  it("is not shown by a link with an unknown token, and the page says so", async () => {
    await using world = await openWorld();
    const page = await openStrictPage(browser, REJECTED);

    await page.goto(`${await world.link()}x`);

    await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
    await page.getByRole("button", { name: "Sign in instead" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();

    expect(page.url()).toBe(`${world.url}/${JOB}`);
  });

  it("disappears when its link is revoked", async () => {
    await using world = await openWorld();
    const page = await openStrictPage(browser, REJECTED);
    await page.goto(await world.link());
    await untilLive(page);

    await world.tokens.revoke("alice");

    await page.getByRole("heading", { name: "This link no longer works" }).waitFor();

    expect(await page.getByText("task").count()).toBe(0);
  });

  it("is not shared by a viewer, whose page has no button for it", async () => {
    await using world = await openWorld();
    const page = await world.openAs(browser, await world.tokens.grant("alice", { role: "viewer" }));
    await page.waitForLoadState("networkidle"); // it has loaded the role

    expect(await page.getByRole("button", { name: "Share…" }).count()).toBe(0);
  });

  it("is not shared when the server rejects it, and the dialog says why", async () => {
    await using world = await openWorld({ sharesPerUserMax: "1" });
    const page = await world.openAs(browser, world.token);
    await makeLink(page, "1 hour");
    await page.getByRole("button", { name: "Close" }).click();

    await page.getByRole("button", { name: "Share…" }).click();
    await page.getByRole("button", { name: "Create link" }).click();

    await page.getByRole("alert").filter({ hasText: "too many valid links" }).waitFor();
    expect(await page.getByLabel("Link", { exact: true }).count()).toBe(0);
  });

  it("is shared with the keyboard, and the focus returns to the button", async () => {
    await using world = await openWorld();
    const page = await world.openAs(browser, world.token);
    const button = page.getByRole("button", { name: "Share…" });

    await button.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Share task" });
    await dialog.waitFor();
    const before = await seriousViolations(page);
    await page.getByLabel("The link works for").press("Enter");
    await page.keyboard.press("Escape"); // closes the list of the choices
    await page.getByRole("button", { name: "Create link" }).press("Enter");
    await page.getByLabel("Link").waitFor();
    const after = await seriousViolations(page);

    expect([before, after]).toEqual([[], []]);
    expect(await page.locator(":focus").inputValue()).toContain("#token=tm_");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it("has a plain address on a server without authentication", async () => {
    await using server = await startServer();
    await (await server.provider.getTaskStore(DATABASE)).store(storeRequestOf(ALICE));
    const page = await openStrictPage(browser);
    await page.goto(`${server.url}/${JOB}`);

    await page.getByRole("button", { name: "Share…" }).click();

    expect(await page.getByLabel("Link").inputValue()).toBe(`${server.url}/${JOB}`);
    await page.getByText("This server requires no sign-in").waitFor();
  });

  it("has an address at the public address of the server", async () => {
    await using world = await openWorld({ publicUrl: "https://tools.example/tidemark" });
    const page = await world.openAs(browser, world.token);

    const link = await makeLink(page, "7 days");

    expect(link).toMatch(
      /^https:\/\/tools\.example\/tidemark\/\?database=neo4j&owner=alice&job=job#token=tm_/,
    );
  });
});

/** A server with a job of Alice, whose token is `token`. */
async function openWorld(flags: Readonly<Record<string, string>> = {}) {
  const tokens = new Tokens();
  const token = await tokens.grant("alice");
  const server = await startServer({ auth: tokens.auth, ...flags });
  const store = await server.provider.getTaskStore(DATABASE);
  await store.store(storeRequestOf(ALICE));
  const job = { database: DATABASE, ...ALICE };
  return {
    url: server.url,
    tokens,
    token,
    store,
    /** A link to the job, as `shareJob` makes it. */
    link: async () => `${server.url}/${JOB}#token=${await tokens.grant("alice", { role: "viewer", job })}`,
    /** The page of the job, for a user who has signed in. */
    openAs: async (browser: Browser, by: string): Promise<Page> => {
      const page = await openStrictPage(browser, {
        ...REJECTED,
        permissions: ["clipboard-read", "clipboard-write"],
      });
      await page.goto(`${server.url}/${JOB}`);
      await page.getByLabel("Token").fill(by);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "task", exact: true }).waitFor();
      return page;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Makes a link with the button of the page, and returns what the page copied. */
async function makeLink(page: Page, life: string): Promise<string> {
  await page.getByRole("button", { name: "Share…" }).click();
  await page.getByLabel("The link works for").selectOption({ label: life });
  await page.getByRole("button", { name: "Create link" }).click();
  await page.getByRole("button", { name: "Copy link" }).click();
  await waitForValue(() => page.getByRole("status").filter({ hasText: "Copied" }).count(), 1);
  return page.evaluate(() => navigator.clipboard.readText());
}
