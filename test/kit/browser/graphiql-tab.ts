import type { Page } from "playwright-core";

/** Switches GraphiQL to a tab, and waits until play runs the document of that tab. */
export async function goToTab(page: Page, name: string): Promise<void> {
  await page.locator(".graphiql-tab-button", { hasText: new RegExp(`^${name}$`) }).click();
  await page.locator(".graphiql-tab-active", { hasText: name }).waitFor();
  // GraphiQL takes a moment to read the document. Until then, play fails, because it names the operation of the other tab.
  await page.waitForFunction((wanted) => {
    const state = JSON.parse(localStorage.getItem("graphiql:tabState") ?? "{}") as TabState;
    return state.tabs?.[state.activeTabIndex!]?.operationName === wanted;
  }, name);
}

/** What GraphiQL stores once it has read the document of a tab. */
interface TabState {
  readonly activeTabIndex?: number;
  readonly tabs?: readonly { readonly operationName: string | null }[];
}
