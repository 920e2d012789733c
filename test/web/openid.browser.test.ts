import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBrowserTested, openBrowser, recordPage } from "../kit/browser/browser.js";
import { PrefixProxy } from "../kit/network/prefix-proxy.js";
import {
  IdentityProvider,
  signInAtProvider,
  type IdentityProviderOptions,
} from "../kit/server/identity-provider.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { untilLive, waitForValue } from "./dashboard-page.js";
import { storeTask, updateTask } from "../server/jobs.js";

const JOB_VIEW = "?database=d&owner=ada&job=j";
const MAPPING = { jwtRoleClaim: "groups", jwtRoles: "ops=admin,dev=reporter,*=viewer", jwtDatabases: "*=*" };
const USERS = { ada: { groups: ["dev"] }, bob: { groups: [] }, eve: { groups: ["ops"] } };

describe.skipIf(!isBrowserTested())(
  "Signing in with an OpenID provider (in CI; needs Chromium)",
  { timeout: 120_000 },
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());

    it("returns to the view that the user opened, with the answer removed from the address", async () => {
      await using world = await openWorld(browser);
      const page = await world.openPage(JOB_VIEW);
      const { complaints } = recordPage(page);

      await signIn(page, "ada");
      await page.getByRole("button", { name: "Remove…" }).waitFor();

      expect(page.url()).toBe(`${world.url}${JOB_VIEW}`);
      expect(complaints.filter((text) => /Content.Security.Policy|Uncaught/.test(text))).toEqual([]);
    });

    it("shows no buttons to a viewer", async () => {
      await using world = await openWorld(browser);
      await world.store("bob");
      const page = await world.openPage(JOB_VIEW.replace("ada", "bob"));

      await signIn(page, "bob");
      await page.getByRole("heading", { name: "work" }).waitFor();
      await page.waitForLoadState("networkidle");

      expect(await page.getByRole("button", { name: /Remove|Cancel/ }).count()).toBe(0);
    });

    it("renews the session while a job reports, without a gap and with each event once", async () => {
      await using world = await openWorld(browser, {}, { lifeS: 8 });
      const page = await world.openPage(JOB_VIEW);
      const received = recordEvents(page);
      await signIn(page, "ada");
      await untilLive(page);
      const [kinds, opened] = [await recordConnection(page), received.sockets()];

      const first = await storedToken(page);
      await reportUntil(world, received, () => received.sockets() >= opened + 2);

      expect(await storedToken(page)).not.toBe(first);
      expect(received.done()).toEqual([...new Set(received.done())].toSorted((one, other) => one - other));
      expect(received.kinds().filter((kind) => kind === "Reset")).toEqual(["Reset"]);
      expect(await kinds()).toEqual([]);
    });

    it("renews once for all tabs that share the session", async () => {
      await using world = await openWorld(browser, {}, { lifeS: 16 });
      const first = await world.openPage(JOB_VIEW);
      await signIn(first, "ada", { isKept: true });
      await untilLive(first);
      const second = await world.openPage(JOB_VIEW);
      await untilLive(second);

      const [ones, others] = [await recordConnection(first), await recordConnection(second)];
      const tokens = new Set<string>();
      await expect.poll(async () => tokens.add(await storedToken(second)).size, { timeout: 60_000 }).toBe(3);

      await waitForValue(() => storedToken(first), await storedToken(second));
      expect([await ones(), await others()]).toEqual([[], []]);
    });

    it("ends the session in all tabs, GraphiQL and the provider on sign-out", async () => {
      await using world = await openWorld(browser);
      const first = await world.openPage(JOB_VIEW);
      await signIn(first, "ada", { isKept: true });
      await untilLive(first);
      const [second, graphiql] = [await world.openPage(JOB_VIEW), await world.openPage("graphql")];
      await untilLive(second);
      await graphiql.locator(".graphiql-tab-active").waitFor();

      await second.getByRole("button", { name: "Sign out" }).click();
      await second.getByRole("button", { name: "Yes, sign me out" }).click();
      await second.getByRole("heading", { name: "Sign in" }).waitFor();
      await first.getByRole("heading", { name: "Sign in" }).waitFor();
      await graphiql.getByRole("link", { name: "Sign in at the dashboard" }).waitFor();
      await signIn(first, "eve");
      await first.getByRole("button", { name: "Remove…" }).waitFor();

      expect(second.url()).toBe(world.url);
      expect(await world.stored(second)).toEqual([]);
    });

    it("says that the session has ended if the provider does not renew it, and returns to the view", async () => {
      await using world = await openWorld(browser, {}, { lifeS: 4, renews: false });
      const page = await world.openPage(JOB_VIEW);
      await signIn(page, "ada");
      await untilLive(page);

      await page.getByText("Your session has ended").waitFor();
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "work" }).waitFor();

      expect(page.url()).toBe(`${world.url}${JOB_VIEW}`);
    });

    it("goes on when the provider signs with another key", async () => {
      await using world = await openWorld(browser, {}, { lifeS: 12 });
      const page = await world.openPage(JOB_VIEW);
      const received = recordEvents(page);
      await signIn(page, "ada");
      await untilLive(page);
      const first = await storedToken(page);
      const [kinds, opened] = [await recordConnection(page), received.sockets()];

      world.provider.rotateKeys();
      await reportUntil(world, received, () => received.sockets() > opened);

      expect(await storedToken(page)).not.toBe(first);
      expect(await kinds()).toEqual([]);
    });

    it("sends the access token if that is made for the server", async () => {
      await using world = await openWorld(browser, { jwtAudience: "urn:jobs" }, { audience: "urn:jobs" });
      const page = await world.openPage(JOB_VIEW);

      await signIn(page, "ada");
      await untilLive(page);

      expect(claimsOf(await storedToken(page))).toMatchObject({ aud: "urn:jobs", groups: ["dev"] });
    });

    it("rejects a token for another audience", async () => {
      await using world = await openWorld(browser, { jwtAudience: "urn:jobs" });
      const page = await world.openPage(JOB_VIEW);

      await signIn(page, "ada");
      await page.getByText("Invalid or expired token").waitFor();

      expect(page.url()).toBe(`${world.url}${JOB_VIEW}`);
    });

    it("says which claim grants nothing, and lets the user sign in as another one", async () => {
      await using world = await openWorld(browser, { jwtRoles: "dev=reporter" });
      const page = await world.openPage(JOB_VIEW);

      await signIn(page, "bob");
      await page.getByText("The token is valid, but its claim groups grants no role").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Yes, sign me out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await signIn(page, "ada");

      await untilLive(page);

      expect(claimsOf(await storedToken(page))).toMatchObject({ sub: "ada" });
    });

    it("says why the provider did not sign the user in", async () => {
      await using world = await openWorld(browser);
      const page = await world.openPage(JOB_VIEW);

      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("link", { name: "[ Cancel ]" }).click();
      await page.getByText("End-User aborted interaction").waitFor();

      expect(page.url()).toBe(`${world.url}${JOB_VIEW}`);
    });

    it("works behind a path prefix, with a session of its own", async () => {
      await using world = await openWorld(browser);
      await using proxy = await PrefixProxy.open(world.server.url, "/tools/tidemark");
      await using page = await world.openPage(JOB_VIEW, proxy.url);

      await signIn(page, "ada", { isKept: true });
      await untilLive(page);

      expect(page.url()).toBe(`${proxy.url}${JOB_VIEW}`);
      expect(await world.stored(page)).toEqual(["tidemark.session /tools/tidemark/"]);
    });

    it("leaves tokens of a file as a second way to sign in", async () => {
      await using world = await openWorld(browser);
      const page = await world.openPage(JOB_VIEW);

      await page.getByText("Use a token instead").click();
      await page.getByLabel("Token").fill(world.token);
      await page.locator("details").getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "work" }).waitFor();

      expect(await storedToken(page)).toBe(world.token);
    });
  },
);

interface World extends AsyncDisposable {
  readonly url: string;
  readonly server: TestServer;
  readonly provider: IdentityProvider;
  /** Of ada, for a worker. */
  readonly token: string;
  /** All pages share one profile. @param url default: the server's */
  openPage(address: string, url?: string): Promise<Page>;
  /** Stores the job `j` of a user. */
  store(username: string): Promise<void>;
  /** The names of what the browser keeps for the page, besides GraphiQL's own settings. */
  stored(page: Page): Promise<string[]>;
}

/** A server with the job `j` of ada, a provider, and a browser. */
async function openWorld(
  browser: Browser,
  flags: Record<string, string> = {},
  options: Partial<IdentityProviderOptions> = {},
): Promise<World> {
  const provider = await IdentityProvider.open({ users: USERS, ...options });
  const tokens = new Tokens();
  const token = await tokens.grant("ada");
  const server = await startServer({ ...provider.flags, ...MAPPING, auth: tokens.auth, ...flags });
  const context: BrowserContext = await browser.newContext();
  const world: World = {
    url: `${server.url}/`,
    server,
    provider,
    token,
    async openPage(address, url = `${server.url}/`) {
      const page = await context.newPage();
      await page.goto(`${url}${address}`);
      return page;
    },
    async store(username) {
      await send(server.url, await tokens.grant(username), storeTask({ username, task: TASK }));
    },
    stored: (page) =>
      page.evaluate(() =>
        [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter(
          (key) => !key.startsWith("graphiql"),
        ),
      ),
    async [Symbol.asyncDispose]() {
      await context.close();
      await server.close();
      await provider[Symbol.asyncDispose]();
    },
  };
  await world.store("ada");
  return world;
}

const TASK = { description: "work", volume: 1_000_000 };

async function signIn(page: Page, username: string, { isKept = false } = {}): Promise<void> {
  await page.getByLabel("Keep me signed in on this device").first().setChecked(isKept);
  await page.getByRole("button", { name: "Sign in" }).click();
  await signInAtProvider(page, username);
}

async function send(url: string, token: string, request: object): Promise<void> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(request),
  });
  expect(await response.json()).not.toHaveProperty("errors");
}

/** Reports one more unit each time the page has received the one before. */
async function reportUntil(
  world: World,
  received: ReturnType<typeof recordEvents>,
  isEnough: () => boolean,
): Promise<void> {
  for (let done = 1; !isEnough(); done++) {
    await send(world.server.url, world.token, updateTask({ username: "ada", updates: [{ path: "", done }] }));
    await waitForValue(async () => received.done().at(-1), done);
  }
}

/** Records the events that the page receives over its WebSockets. */
function recordEvents(page: Page) {
  const events: { readonly kind: string; readonly done: number | undefined }[] = [];
  let sockets = 0;
  page.on("websocket", (socket) => {
    sockets++;
    socket.on("framereceived", ({ payload }) => events.push(...eventsIn(String(payload))));
  });
  return {
    sockets: () => sockets,
    kinds: () => events.map(({ kind }) => kind),
    done: () =>
      events.flatMap(({ kind, done }) => (kind === "TaskUpdated" && done !== undefined ? [done] : [])),
  };
}

function eventsIn(text: string): { readonly kind: string; readonly done: number | undefined }[] {
  const { payload } = JSON.parse(text) as {
    readonly payload?: { readonly data?: { readonly taskEvents?: TaskEvent } };
  };
  const event = payload?.data?.taskEvents;
  return event ? [{ kind: event.kind, done: event.changed?.[0]?.progress.done }] : [];
}

interface TaskEvent {
  readonly kind: string;
  readonly changed?: readonly { readonly progress: { readonly done: number } }[];
}

/** Returns the states of the connection that the page showed since the call. */
async function recordConnection(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const app = document.querySelector<HTMLElement>(".app")!;
    const kinds: string[] = [];
    Object.assign(globalThis, { kinds });
    new MutationObserver(() => kinds.push(app.dataset["connection"]!)).observe(app, {
      attributes: true,
      attributeFilter: ["data-connection"],
    });
  });
  return () => page.evaluate(() => (globalThis as unknown as { readonly kinds: string[] }).kinds);
}

function storedToken(page: Page): Promise<string> {
  return page.evaluate(() => {
    const key = "tidemark.session /";
    const text = sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? "{}";
    return (JSON.parse(text) as { readonly token: string }).token;
  });
}

function claimsOf(token: string): object {
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as object;
}
