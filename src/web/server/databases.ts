/** The databases of the server, polled while the page is visible. */
import { signal } from "@preact/signals";
import { DatabasesDocument, type DatabasesQuery } from "../../client/generated/graphql.js";
import { request, needsToken } from "./session.js";

export type DatabaseCounts = NonNullable<DatabasesQuery["databases"]>[number];

/** Sorted by name; undefined until the server has answered. */
export const databases = signal<readonly DatabaseCounts[] | undefined>(undefined);

/** Starts to poll; a further call polls immediately. */
export function refreshDatabases(): void {
  clearTimeout(timer);
  void refresh();
}

let timer: ReturnType<typeof setTimeout> | undefined;

async function refresh(): Promise<void> {
  if (!document.hidden && !needsToken.peek()) await read();
  clearTimeout(timer);
  timer = setTimeout(refresh, databases.peek()?.length ? SELDOM_MS : OFTEN_MS);
}

/** Ignores a failure: the watch already shows whether the server is reachable. */
async function read(): Promise<void> {
  const found: DatabaseCounts[] = [];
  try {
    for (let page = await request(DatabasesDocument, {}); ;) {
      const some = page.databases ?? [];
      found.push(...some);
      if (some.length < PAGE_SIZE) break;
      page = await request(DatabasesDocument, { after: found.at(-1)!.name });
    }
    databases.value = found;
  } catch {
    return;
  }
}

/** The server's page size. */
const PAGE_SIZE = 100;

/** While the server has no databases, the user is probably waiting for a first job. */
const OFTEN_MS = 1_500;
const SELDOM_MS = 10_000;
