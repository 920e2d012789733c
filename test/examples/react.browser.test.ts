import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser, openStrictPage, SERVER_IS_AWAY } from "../kit/browser/browser.js";
import { dataOf } from "../kit/network/raw-http.js";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { startServer } from "../kit/server/server.js";
import { store, update } from "../server/jobs.js";

/** The application as a user copies it: in a folder of its own, with the packages that it declares and no others. */
const folder = mkdtempSync(join(tmpdir(), "tidemark-example-"));
const TASK = {
  description: "Import",
  subTasks: [
    { description: "read", volume: 100 },
    { description: "write", volume: 100 },
  ],
};

beforeAll(() => {
  cpSync(join(PROJECT, "examples/react"), folder, { recursive: true });
  rmSync(join(folder, "node_modules"), { recursive: true, force: true });
  for (const name of declaredPackages()) linkPackage(name);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("The example react", () => {
  it("compiles, and is built", async () => {
    await using compiler = run("", "typescript/bin/tsc");
    expect([(await compiler.exited).code, compiler.out]).toEqual([0, []]);

    await using bundler = run("", "vite/bin/vite.js", "build");
    expect([(await bundler.exited).code, bundler.err]).toEqual([0, []]);
    expect(readFileSync(join(folder, "dist/index.html"), "utf8")).toContain("/assets/index-");
  });
});

describe.skipIf(!isBrowserTested())(
  "The example react in a page (under CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    it("shows the jobs as bars, opens one, cancels it, and says when the connection is lost", async () => {
      await using server = await startServer();
      await using network = await SeverableProxy.open(server.url);
      await store(server.url, { ...KEY, task: TASK });
      await update(server.url, { ...KEY, updates: [{ path: "0", done: 50 }] });
      await using vite = run(network.url, "vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0");
      const url = /http:\S+/.exec(await vite.line((line) => line.includes("http://")))![0];
      await using browser = await openBrowser();
      const page = await openStrictPage(browser, { mayComplain: PROXY_IS_ALONE });

      await page.goto(url);
      await page.getByRole("status").getByText("live").waitFor();
      const bar = page.getByRole("progressbar", { name: "Import" });
      expect(await bar.getAttribute("value")).toBe("0.25");
      await page.getByRole("button", { name: /Import/ }).click();
      await page.getByRole("progressbar", { name: "write" }).waitFor();
      await update(server.url, { ...KEY, updates: [{ path: "1", done: 50 }] });
      await page.getByText("50%").first().waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Canceling…" }).waitFor();
      expect(await isCanceling(server.url)).toBe(true);
      network.shut();
      await page.getByRole("status").getByText("reconnecting, as of").waitFor();
      await update(server.url, { ...KEY, updates: [{ path: "", status: "CANCELED" }] });
      network.reopen();

      await page.getByText("canceled").first().waitFor();
      await page.getByRole("status").getByText("live").waitFor();
    });
  },
);

/** Vite's proxy answers while its server is away. */
const PROXY_IS_ALONE = new RegExp(`${SERVER_IS_AWAY.source}|502 \\(Bad Gateway\\)`);

const KEY = { database: "default", username: "ada", jobId: "import-1" };

/** A script of a package, with the server at this address behind the page. */
function run(serverUrl: string, script: string, ...args: readonly string[]): Program {
  const env = { TIDEMARK_URL: serverUrl, NODE_ENV: "development", NO_COLOR: "1" };
  return Program.node([join(folder, "node_modules", script), ...args], { cwd: folder, env });
}

function declaredPackages(): string[] {
  const declared = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly dependencies: object;
    readonly devDependencies: object;
  };
  return Object.keys({ ...declared.dependencies, ...declared.devDependencies });
}

function linkPackage(name: string): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules", name), path);
}

async function isCanceling(url: string): Promise<boolean> {
  const query = `query ($database: String!, $username: String!, $jobId: ID!) {
    task(database: $database, username: $username, jobId: $jobId) { cancelRequest { at } }
  }`;
  const { task } = await dataOf<{ task: { cancelRequest: object | null } }>(url, query, KEY);
  return task.cancelRequest !== null;
}
