import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser, openStrictPage } from "../kit/browser/browser.js";
import { startServer } from "../kit/server/server.js";
import { store } from "../server/jobs.js";
import { listedJobs, untilLive, waitForValue } from "./dashboard-page.js";

const JOBS = 20;

describe.skipIf(!isBrowserTested())("A list that takes long to load (in CI; needs Chromium)", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await openBrowser()), 90_000);
  afterAll(() => browser.close());

  it("shows the jobs that have arrived and how many there are, then all", { timeout: 90_000 }, async () => {
    await using server = await startServer();
    for (let index = 0; index < JOBS; index++)
      await store(server.url, { jobId: `j${index}`, task: { description: `job ${index}`, volume: 1 } });
    await using page = await openStrictPage(browser);
    const release = await holdMessagesAfter(page, JOBS / 2);

    await page.goto(`${server.url}/?database=d`);
    await page.getByText(/^Loading jobs: \d+$/).waitFor();
    await page.getByRole("grid").waitFor();
    const early = await listedJobs(page);
    release();
    await untilLive(page);
    await waitForValue(async () => (await listedJobs(page)).length, JOBS);

    expect(early.length).toBeGreaterThan(0);
    expect(early.length).toBeLessThan(JOBS);
    expect(await page.getByText(/^Loading jobs/).count()).toBe(0);
  });
});

/** Lets this number of messages of the server through and holds the others until the returned function is called. */
async function holdMessagesAfter(page: Page, count: number): Promise<() => void> {
  const held: (() => void)[] = [];
  let left = count;
  await page.routeWebSocket("**/graphql", (socket) => {
    socket.connectToServer().onMessage((message) => {
      if (left-- > 0) socket.send(message);
      else held.push(() => socket.send(message));
    });
  });
  return () => {
    left = Infinity;
    for (const send of held) send();
  };
}
