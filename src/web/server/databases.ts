/** The databases of the server, polled while the page is visible. */
import { signal } from "@preact/signals";
import { DatabasesDocument, type DatabasesQuery } from "../../client/generated/graphql.js";
import { fetchServerInfo, pageSizeFor } from "./about.js";
import { isLimitExceeded, request, needsToken } from "./session.js";

export type DatabaseCounts = NonNullable<DatabasesQuery["databases"]>[number];

/** Sorted by name, at most 1,000; undefined until the server has answered. */
export const databases = signal<readonly DatabaseCounts[] | undefined>(undefined);

/** Why the latest poll failed; undefined after a success. */
export const databasesError = signal<string | undefined>(undefined);

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

async function read(): Promise<void> {
  try {
    databases.value = await readAll();
    databasesError.value = undefined;
  } catch (error) {
    databasesError.value = error instanceof Error ? error.message : String(error);
    if (isLimitExceeded(error)) await fetchServerInfo(); // the server may have restarted with lower limits
  }
}

async function readAll(): Promise<DatabaseCounts[]> {
  const found: DatabaseCounts[] = [];
  const first = await pageSizeFor(PAGE_SIZE, "pageSizeMax");
  for (let page = 0; page < PAGES_MAX; page++) {
    const after = found.at(-1)?.name ?? null;
    const { databases: some } = await request(DatabasesDocument, { first, after });
    found.push(...(some ?? []));
    if ((some ?? []).length < first) break;
  }
  return found;
}

const PAGE_SIZE = 100;
/** Limits the requests of a poll. A server with more databases is not one that people choose from a list. */
const PAGES_MAX = 10;

/** While the server has no databases, the user is probably waiting for a first job. */
const OFTEN_MS = 1_500;
const SELDOM_MS = 10_000;
