/** The databases of the server, polled while the page is visible. */
import { signal } from "@preact/signals";
import { DatabasesDocument, type DatabasesQuery } from "../../client/generated/graphql.js";
import { fetchServerInfo, pageSizeFor } from "./about.js";
import { isLimitExceeded, request, needsToken } from "./session.js";

export type DatabaseCounts = NonNullable<DatabasesQuery["databases"]>[number];

/** Sorted by name; undefined until the server has answered. */
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
  for (;;) {
    const after = found.at(-1)?.name ?? null;
    const page = await request(DatabasesDocument, { first, after });
    const some = page.databases ?? [];
    found.push(...some);
    if (some.length < first) return found;
  }
}

const PAGE_SIZE = 100;

/** While the server has no databases, the user is probably waiting for a first job. */
const OFTEN_MS = 1_500;
const SELDOM_MS = 10_000;
