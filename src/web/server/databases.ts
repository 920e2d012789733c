/** The databases that there are, asked for again and again while somebody looks. */
import { signal } from "@preact/signals";
import { DatabasesDocument, type DatabasesQuery } from "../../client/generated/graphql.js";
import { request, needsToken } from "./session.js";

export type DatabaseCounts = DatabasesQuery["databases"][number];

/** By name; undefined before the first answer. */
export const databases = signal<readonly DatabaseCounts[] | undefined>(undefined);

/** Begins to ask; calling it again asks at once. */
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

/** A failed attempt changes nothing: whether the server can be reached, the watch tells. */
async function read(): Promise<void> {
  const found: DatabaseCounts[] = [];
  try {
    for (let page = await request(DatabasesDocument, {}); ;) {
      found.push(...page.databases);
      if (page.databases.length < PAGE) break;
      page = await request(DatabasesDocument, { after: found.at(-1)!.name });
    }
    databases.value = found;
  } catch {
    return;
  }
}

/** How many the server gives at once. */
const PAGE = 100;

/** While there is none, somebody waits for the first job. */
const OFTEN_MS = 1_500;
const SELDOM_MS = 10_000;
