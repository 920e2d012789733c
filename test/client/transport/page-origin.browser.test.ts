import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { connect, watch } from "../../../src/client/index.js";
import { isBrowserTested, openBrowser } from "../../kit/browser/browser.js";
import { bundleClient } from "../../kit/browser/client-bundle.js";
import { startServer } from "../../kit/server/server.js";

type Client = { readonly tidemark: { readonly connect: typeof connect; readonly watch: typeof watch } };

describe.skipIf(!isBrowserTested())(
  "A page of an origin that the server rejects (in CI; needs Chromium)",
  { timeout: 90_000 },
  () => {
    let browser: Awaited<ReturnType<typeof openBrowser>>;
    beforeAll(async () => void (browser = await openBrowser()), 90_000);
    afterAll(() => browser.close());

    it("receives the likely reason with the error of a request", async () => {
      await using server = await startServer();
      await using other = await startServer();
      await using page = await pageOf(other.url);

      expect(await requestError(page, server.url)).toContain(
        `it may reject pages of other origins: start it with --allow-origin ${other.url}.`,
      );
    });

    it.each(["auto", "websocket", "sse"] as const)(
      "receives it as the cause of a watch by %s",
      async (transport) => {
        await using server = await startServer();
        await using other = await startServer();
        await using page = await pageOf(other.url);

        expect(await watchCause(page, server.url, transport)).toContain(
          `start it with --allow-origin ${other.url}.`,
        );
      },
    );

    it("does not receive it if the page is the server's own", async () => {
      const server = await startServer();
      await using page = await pageOf(server.url);
      await server.close();

      expect(await requestError(page, server.url)).toContain("Check the address (TIDEMARK_URL)");
    });

    async function pageOf(url: string): Promise<Page> {
      const page = await browser.newPage({ bypassCSP: true }); // the page's policy forbids scripts
      await page.goto(`${url}/health`);
      await page.addScriptTag({ content: await bundleClient(["connect", "watch"]) });
      return page;
    }
  },
);

function requestError(page: Page, url: string): Promise<string> {
  return page.evaluate(async (address) => {
    const { connect: open } = (globalThis as unknown as Client).tidemark;
    const error: unknown = await open({ url: address })
      .request("{ __typename }", {})
      .catch((reason: unknown) => reason);
    return error instanceof Error ? error.message : "no error";
  }, url);
}

function watchCause(page: Page, url: string, transport: "auto" | "websocket" | "sse"): Promise<string> {
  return page.evaluate(
    async (options) => {
      const watched = (globalThis as unknown as Client).tidemark.watch(options);
      const cause = await new Promise<unknown>((resolve) => {
        watched.onChange(
          () => "cause" in watched.status && watched.status.cause && resolve(watched.status.cause),
        );
      });
      watched.close();
      return String(cause);
    },
    { url, transport },
  );
}
