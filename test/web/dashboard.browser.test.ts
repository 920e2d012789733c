import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, leaf, task } from "../../src/client/index.js";
import { isBrowserTested, openBrowser, openStrictPage, SERVER_IS_AWAY } from "../kit/browser/browser.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { RestartableServer } from "../kit/server/restartable-server.js";
import { openDemoServer, type DemoServer } from "../kit/browser/demo-server.js";
import { startServer } from "../kit/server/server.js";
import { TokenGateway } from "../kit/network/token-gateway.js";
import { store, taskCount, update } from "../server/jobs.js";
import {
  waitForValue,
  connectionOf,
  focusedRole,
  jobRow,
  listedJobs,
  openDashboard,
  overflowOf,
  seriousViolations,
  untilLive,
} from "./dashboard-page.js";

const SCHEMES = ["light", "dark"] as const;

/** Views of the demo server. */
const VIEWS = {
  overview: "?database=production",
  job: "?database=production&owner=alice&job=wiki-2024-06",
  "failed job": "?database=production&owner=jonas&job=reindex-products",
  "empty state": "?database=nothing-yet",
};

const VIEWS_IN_SCHEMES = Object.entries(VIEWS).flatMap(([view, address]) =>
  SCHEMES.map((scheme) => ({ view, address, scheme })),
);

describe.skipIf(!isBrowserTested())("The dashboard (in CI; needs Chromium)", { timeout: 90_000 }, () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await openBrowser()), 90_000);
  afterAll(() => browser.close());

  it("shows a job as soon as it is stored, and its progress", async () => {
    await using server = await startServer();
    await using page = await openDashboard(browser, server.url);
    await page.getByRole("heading", { name: "No jobs yet" }).waitFor();

    await store(server.url, { database: "default" });
    const row = jobRow(page, "work");
    await row.waitFor();
    await update(server.url, { database: "default", updates: [{ path: "", done: 4, message: "halfway" }] });

    await waitForValue(() => row.getByRole("progressbar").getAttribute("aria-valuenow"), "40");
    expect(await row.textContent()).toContain("halfway");
  });

  it("shows when it became stale, stops the clocks, and catches up when the server is back", async () => {
    await using server = await RestartableServer.start();
    await store(server.url, { database: "default" });
    await update(server.url, { database: "default", updates: [{ path: "", done: 4 }] });
    const page = await openStrictPage(browser, {
      mayComplain: SERVER_IS_AWAY,
    });
    await page.clock.install();
    await page.goto(`${server.url}/?database=default`);
    const elapsed = jobRow(page, "work").locator(".cell-elapsed");
    await elapsed.waitFor();

    await server.kill();
    await connectionOf(page).filter({ hasText: "Stale since" }).waitFor();
    const before = await elapsed.textContent();
    await page.clock.runFor(5_000);
    const after = await elapsed.textContent();
    const filter = await page.locator("main").evaluate((main) => getComputedStyle(main).filter);
    const violations = await seriousViolations(page);

    await server.startAgain();
    await update(server.url, { database: "default", updates: [{ path: "", done: 7 }] });
    await page.clock.runFor(60_000);
    await untilLive(page);

    expect(after).toBe(before);
    expect([filter, violations]).toEqual(["grayscale(1)", []]);
    await waitForValue(() => jobRow(page, "work").locator(".percent").textContent(), "70%");
  });

  it("cancels a running job, and shows the user and the reason", async () => {
    await using server = await startServer();
    await using page = await openDashboard(browser, server.url, "?database=default");
    const worker = connect({ url: server.url, database: "default", username: "alice" });
    const job = worker.job({ jobId: "import-1" }, task("Import", leaf("read", { volume: 9 })));
    const work = job.run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      signal.throwIfAborted();
    });
    const end = work.catch((reason: unknown) => reason);
    await page.getByRole("link", { name: "Import" }).click();

    await page.getByRole("button", { name: "Cancel…" }).click();
    const dialog = page.getByRole("dialog");
    const question = await dialog.getByRole("heading").textContent();
    await dialog.getByLabel("Reason").fill("wrong file");
    await dialog.getByRole("button", { name: "Cancel the job" }).click();
    const reason = await end;

    expect(reason).toMatchObject({ reason: "wrong file" });
    expect(question).toBe("Cancel Import (import-1 of alice)?");
    await page.getByText("Cancellation requested by anonymous").waitFor();
    await page.locator(".job-subtitle").getByText("Canceled").waitFor();
    expect(await page.locator(".notices").textContent()).toContain("wrong file");
  });

  it("removes a job only after confirmation", async () => {
    await using server = await startServer();
    await store(server.url);
    await using page = await openDashboard(browser, server.url, "?database=d&owner=u&job=j");

    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByRole("button", { name: "Keep it" }).click();
    const countBefore = await taskCount(server.url);
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByRole("button", { name: "Remove the job" }).click();
    await page.getByRole("heading", { name: "No jobs yet" }).waitFor();

    expect([countBefore, await taskCount(server.url)]).toEqual([1, 0]);
  });

  it("restores a view from its link, and navigates back and forward", async () => {
    await using demo = await openDemoServer();
    await using page = await openDashboard(browser, demo.server.url, "?database=production");
    await page.getByRole("button", { name: /^Running/ }).click();
    await page.getByLabel("User", { exact: true }).selectOption("alice");
    await page.getByLabel("Search jobs").fill("import");
    await page.getByRole("button", { name: "Name", exact: true }).click();
    const listed = await listedJobs(page);
    const other = await openDashboard(browser, demo.server.url, new URL(page.url()).search);
    await jobRow(other, "Import Wikipedia links").waitFor();

    const listedThere = await listedJobs(other);
    await page.getByRole("link", { name: "Import Wikipedia links" }).click();
    await page.getByRole("heading", { name: "Import Wikipedia links" }).waitFor();
    await page.goBack();
    await page.getByRole("grid").waitFor();
    const listedAgain = await listedJobs(page);
    await page.goForward();
    await page.getByRole("heading", { name: "Import Wikipedia links" }).waitFor();

    expect(listed).toEqual(["Import Wikipedia links"]);
    expect([listedThere, listedAgain]).toEqual([listed, listed]);
  });

  it("can be used with the keyboard alone", async () => {
    await using demo = await openDemoServer();
    await using page = await openDashboard(browser, demo.server.url, "?database=production");
    await page.getByRole("grid").waitFor();
    const active = (): Promise<string | null> => page.locator(".job-row[aria-selected=true] a").textContent();

    const [, second] = await listedJobs(page);
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: second! }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("grid").waitFor();
    const afterReturn = [await active(), await focusedRole(page)];
    await page.keyboard.press("/");
    await page.keyboard.type("louvain");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Home");
    const found = await active();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Help" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });

    expect(afterReturn).toEqual([second, "grid"]);
    expect(found).toBe("Louvain communities");
  });

  it("keeps the focus on a job when another one is added above it", async () => {
    await using server = await startServer();
    for (const jobId of ["1", "2", "3"])
      await store(server.url, { jobId, task: { description: `job ${jobId}` } });
    await using page = await openDashboard(browser, server.url, "?database=d&sort=job");
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("End");
    const active = page.locator(".job-row[aria-selected=true] a");

    await store(server.url, { jobId: "0", task: { description: "job 0" } });
    await jobRow(page, "job 0").waitFor();

    expect(await active.textContent()).toBe("job 3");
    expect(await focusedRole(page)).toBe("grid");
  });

  it("announces a failure to screen readers, but not a normal update", async () => {
    await using server = await startServer();
    await store(server.url);
    await using page = await openDashboard(browser, server.url, "?database=d");
    await untilLive(page);
    const announcement = page.getByRole("status");

    await update(server.url, { updates: [{ path: "", done: 4 }] });
    await waitForValue(() => jobRow(page, "work").locator(".percent").textContent(), "40%");
    const before = await announcement.textContent();
    await update(server.url, { updates: [{ path: "", status: "FAILED" }] });

    await waitForValue(() => announcement.textContent(), "work, j, of u: failed.");
    expect(before).toBe("");
  });

  it("renders only the visible rows of many jobs and of a large tree", async () => {
    await using server = await startServer();
    const jobs = Array.from({ length: 500 }, (_, index) => store(server.url, { jobId: `job ${index}` }));
    await Promise.all(jobs);
    const subTasks = Array.from({ length: 3_000 }, (_, index) => ({
      description: `part ${index}`,
      volume: 1,
    }));
    await store(server.url, { jobId: "large", task: { description: "large", subTasks } });
    await using page = await openDashboard(browser, server.url, "?database=d&sort=job");
    await page.getByRole("grid").waitFor();

    await page.keyboard.press("End");
    await jobRow(page, "large").waitFor();
    const rows = await page.locator(".job-row").count();
    await page.keyboard.press("Enter");
    await page.getByRole("treegrid").focus();
    await page.keyboard.press("End");
    await page.getByText("part 2999").waitFor();
    const tasks = await page.locator(".task-row").count();

    expect(Math.min(rows, tasks)).toBeGreaterThan(5);
    expect(Math.max(rows, tasks)).toBeLessThan(80);
  });

  it("shows hostile names as plain text, and in full on hover", async () => {
    await using server = await startServer();
    const markup = `<img src=x onerror="document.title='gone'">`;
    const reversed = "\u202Egnp.exe\u2066";
    const wide = "漢".repeat(42);
    await store(server.url, { jobId: markup, username: reversed, task: { description: wide, volume: 1 } });
    await using page = await openDashboard(browser, server.url, "?database=d", {
      viewport: { width: 360, height: 740 },
    });

    const row = jobRow(page, wide);
    await row.waitFor();
    const titles = await row
      .locator("bdi")
      .evaluateAll((names) => names.map((name) => name.getAttribute("title")));
    const overflow = await overflowOf(page);
    await row.click();
    await page.getByRole("heading", { name: wide }).waitFor();

    expect(titles).toEqual([wide, markup, reversed]);
    expect([overflow, await overflowOf(page)]).toEqual([0, 0]);
    expect(await page.locator("img").count()).toBe(0);
  });

  it("starts the demo job and opens its page", async () => {
    await using server = await startServer({}, { clock: new ManualClock(Date.now()) });
    await using page = await openDashboard(browser, server.url);

    await page.getByRole("button", { name: "Run a demo job" }).click();

    await page.getByRole("heading", { name: "Rank the pages of a wiki" }).waitFor();
    expect(new URL(page.url()).search).toBe("?database=default&owner=demo&job=pagerank");
  });

  it("does not offer a demo job that the server does not have", async () => {
    await using server = await startServer({ demo: "off" });
    await using page = await openDashboard(browser, server.url);

    await page.getByRole("heading", { name: "curl" }).waitFor();
    await page.waitForLoadState("networkidle");

    expect(await page.getByRole("button", { name: "Run a demo job" }).count()).toBe(0);
  });

  it("asks once for a required token, and keeps it in the tab", async () => {
    await using server = await startServer();
    await store(server.url);
    await using gate = await TokenGateway.open(server.url, "right", (path) => path === "/graphql");
    await using page = await openDashboard(browser, gate.url, "?database=d", {
      mayComplain: /401|WebSocket is closed before/,
    });

    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Invalid or expired token").waitFor();
    expect(await page.getByText("This server requires a token").count()).toBe(0);
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    await page.getByLabel("Token").fill("right");
    await page.getByRole("button", { name: "Sign in" }).click();
    await jobRow(page, "work").waitFor();
    await page.reload();
    await jobRow(page, "work").waitFor();

    expect(await page.evaluate(() => localStorage.length)).toBe(0);
  });
});

describe.skipIf(!isBrowserTested())(
  "A view of the dashboard (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    let browser: Browser;
    let demo: DemoServer; // shared, as the tests only read it
    beforeAll(async () => {
      [browser, demo] = await Promise.all([openBrowser(), openDemoServer()]);
    }, 90_000);
    afterAll(async () => void (await Promise.all([browser.close(), demo.server.close()])));

    it.each(VIEWS_IN_SCHEMES)(
      "has no serious accessibility violation: $view, $scheme",
      async ({ view, address, scheme }) => {
        await using page = await openDashboard(browser, demo.server.url, address, {
          colorScheme: scheme,
        });
        await untilLive(page);
        await page.waitForLoadState("networkidle");

        await page.screenshot({ path: `test-results/${view.replaceAll(" ", "-")}-${scheme}.png` });

        expect(await seriousViolations(page)).toEqual([]);
      },
    );

    it.each(Object.entries(VIEWS))("fits a page 360 pixels wide: %s", async (view, address) => {
      await using page = await openDashboard(browser, demo.server.url, address, {
        viewport: { width: 360, height: 740 },
      });
      await untilLive(page);
      await page.waitForLoadState("networkidle");

      await page.screenshot({ path: `test-results/${view.replaceAll(" ", "-")}-narrow.png`, fullPage: true });

      expect(await overflowOf(page)).toBe(0);
      expect(await seriousViolations(page)).toEqual([]);
    });
  },
);
