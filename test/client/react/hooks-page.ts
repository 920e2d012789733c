import type { Browser, Page } from "playwright-core";
import { openBrowser, openStrictPage, recordPage, SERVER_IS_AWAY } from "../../kit/browser/browser.js";
import type * as page from "./page.js";
import type { Rendered, View } from "./page.js";

/** Globals that the script defines in the page. */
declare const tidemarkPage: typeof page;

/** The page of `page.tsx` in a browser. */
export class HooksPage implements AsyncDisposable {
  readonly page: Page;
  /** The URLs of its WebSockets. */
  readonly webSockets: readonly string[];
  readonly #browser: Browser;

  /** Opens it on the server's origin, whose policy would block scripts. Its console must stay clean. */
  static async open(url: string, script: string): Promise<HooksPage> {
    const browser = await openBrowser();
    const opened = await openStrictPage(browser, { bypassCSP: true, mayComplain: HARMLESS });
    const { webSockets } = recordPage(opened);
    await opened.goto(`${url}/health`);
    await opened.addScriptTag({ content: script });
    return new HooksPage(browser, opened, webSockets);
  }

  private constructor(browser: Browser, opened: Page, webSockets: readonly string[]) {
    this.#browser = browser;
    this.page = opened;
    this.webSockets = webSockets;
  }

  async show(view: View): Promise<void> {
    await this.page.evaluate((given) => tidemarkPage.show(given), view);
  }

  /** Shows the HTML of a server, and lets React take it over. */
  async hydrate(view: View, html: string): Promise<void> {
    await this.page.evaluate(([given, text]) => tidemarkPage.hydrate(given, text), [view, html] as const);
  }

  allOf(name: string): Promise<readonly Rendered[]> {
    return this.page.evaluate((given) => tidemarkPage.renderedBy(given), name);
  }

  /** Waits until what the component has rendered last has these values, and returns it. */
  async until(name: string, wanted: Partial<Rendered>): Promise<Rendered> {
    try {
      const last = await this.page.waitForFunction(lastIfWanted, [name, wanted] as const);
      return (await last.jsonValue()) as Rendered; // safe: it was awaited
    } catch (cause) {
      throw new Error(`${name} has rendered ${JSON.stringify(await this.allOf(name))}`, { cause });
    }
  }

  /** Waits until the component shows this text. */
  async shows(name: string, shown: string): Promise<void> {
    await this.until(name, { shown });
  }

  /** Waits until the component has rendered an error that begins like this, and returns the error. */
  async reports(name: string, start: string): Promise<string | undefined> {
    await this.page.waitForFunction(
      ([panel, text]) => tidemarkPage.renderedBy(panel).some(({ error }) => error?.startsWith(text)),
      [name, start] as const,
    );
    return (await this.allOf(name)).find(({ error }) => error?.startsWith(start))?.error;
  }

  /** The number of frames since the previous call. */
  countFrames(): Promise<number> {
    return this.page.evaluate(() => {
      const counted = globalThis as { frameCount?: number };
      const before = counted.frameCount ?? 0;
      counted.frameCount = 0;
      const count = (): void => {
        counted.frameCount! += 1;
        requestAnimationFrame(count);
      };
      if (before === 0) requestAnimationFrame(count);
      return before;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** The page has no icon, and its server may be away. */
const HARMLESS = new RegExp(`${SERVER_IS_AWAY.source}|404 \\(Not Found\\)`);

/** Runs in the page. */
function lastIfWanted([name, wanted]: readonly [string, Partial<Rendered>]): Rendered | undefined {
  const last = tidemarkPage.renderedBy(name).at(-1);
  const entries = Object.entries(wanted) as [keyof Rendered, unknown][];
  return last && entries.every(([key, value]) => last[key] === value) ? last : undefined;
}
