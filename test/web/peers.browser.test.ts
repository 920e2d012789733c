import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser, SERVER_IS_AWAY } from "../kit/browser/browser.js";
import { freePort } from "../kit/process/free-port.js";
import { RestartableServer } from "../kit/server/restartable-server.js";
import { SERVER_JOB_KEY, store, type StoredJob } from "../server/jobs.js";
import { connectionOf, jobRow, openDashboard, untilLive } from "./dashboard-page.js";

describe.skipIf(!isBrowserTested())(
  "A dashboard with peers (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it("moves to another server when its own is killed, without a reload, and names that server", async () => {
      await using world = await openWorld();
      const { own, peer, page } = world;
      await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
      const addressBefore = page.url();

      await own.kill();
      await connectionOf(page)
        .filter({ hasText: `LiveUsing ${peer.url}` })
        .waitFor();
      await storeJob(peer, "Stored after the move");
      await jobRow(page, "Stored after the move").waitFor();

      expect(await page.evaluate(() => "isSamePage" in globalThis)).toBe(true);
      expect(page.url()).toBe(addressBefore);
      expect(await page.getByRole("searchbox").inputValue()).toBe("Stored");
    });

    it("opens a job at the server to which it has moved", async () => {
      await using world = await openWorld();
      const { own, peer, page } = world;

      await own.kill();
      await connectionOf(page).filter({ hasText: peer.url }).waitFor();
      await storeJob(peer, "Stored after the move");
      await page.getByRole("link", { name: "Stored after the move", exact: true }).click();
      await page.getByRole("heading", { name: "Stored after the move" }).waitFor();
      await untilLive(page);

      expect(await connectionOf(page).textContent()).toBe(`LiveUsing ${peer.url}`);
    });

    it("says plainly that the demo needs its own server, and offers no link to GraphiQL there", async () => {
      await using world = await openWorld();
      const { own, peer, page } = world;

      await own.kill();
      await connectionOf(page).filter({ hasText: peer.url }).waitFor();
      await page.getByRole("button", { name: "Help" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Run a demo job" }).click();

      expect(await page.getByRole("alert").textContent()).toBe(
        `The server at ${own.url}/ does not answer, and only that one starts the demo job.`,
      );
      expect(await page.getByRole("link", { name: "GraphiQL" }).count()).toBe(0);
    });

    it("names no server while it uses its own", async () => {
      await using world = await openWorld();

      expect(await connectionOf(world.page).textContent()).toBe("Live");
    });
  },
);

interface World extends AsyncDisposable {
  readonly own: RestartableServer;
  readonly peer: RestartableServer;
  /** A search in the list of jobs, live. */
  readonly page: Page;
}

/** Two servers with the same list of addresses, which contains both, and a page of the first. */
async function openWorld(): Promise<World> {
  const ports = [await freePort(), await freePort()];
  const peerUrls = ports.map((port) => `http://127.0.0.1:${port}`).join();
  const start = (port: number | undefined): Promise<RestartableServer> =>
    RestartableServer.start(["--port", String(port), "--peer-urls", peerUrls]);
  const own = await start(ports[0]);
  const peer = await start(ports[1]);
  const browser = await openBrowser();
  await storeJob(own, "Stored before");
  const address = `?database=${SERVER_JOB_KEY.database}&search=Stored`;
  const page = await openDashboard(browser, own.url, address, { mayComplain: SERVER_IS_AWAY });
  await untilLive(page);
  const dispose = async (): Promise<void> => {
    for (const part of [browser, own, peer]) await part[Symbol.asyncDispose]();
  };
  return { own, peer, page, [Symbol.asyncDispose]: dispose };
}

function storeJob({ url }: RestartableServer, description: string): Promise<StoredJob> {
  return store(url, { ...SERVER_JOB_KEY, task: { description, volume: 10 } });
}
