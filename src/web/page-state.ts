/** The current database and its jobs, which stay subscribed while the page of one job is open. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { DEFAULT_DATABASE } from "../protocol/default-database.js";
import { JobStore } from "./jobs/job-store.js";
import { address, replaceAddress } from "./location.js";
import { fetchServerInfo, isServerAsked } from "./server/about.js";
import { databases, refreshDatabases, type DatabaseCounts } from "./server/databases.js";
import { needsToken, signInId } from "./server/session.js";
import { isShared } from "./server/shared-link.js";
import { pushStatusSource } from "./connection-status.js";

/** The database in the URL, or the default one if the server has none; undefined until the server has answered. */
export const database = computed(() => {
  if (!isServerAsked.value) return undefined; // a watch must know all servers when it opens
  return address().database ?? (databases.value?.length === 0 ? DEFAULT_DATABASE : undefined);
});

/** The jobs of the database that was last listed. */
export const jobs = signal<JobStore | undefined>(undefined);

/** The sign-in that `jobs` is subscribed with. */
let openedWith: string | undefined;
let stopShowing = (): void => {};

/** Adds the database to a URL without one, so that a copied link shows the same jobs. */
effect(() => {
  const first = preferredOf(databases.value ?? []);
  if (address().database === undefined && first) untracked(() => replaceAddress({ database: first.name }));
});

/** Another user may see other databases and jobs. */
effect(() => {
  void signInId.value;
  untracked(needsToken.value ? close : readServer);
});

effect(() => {
  const wanted = address().job ? undefined : database.value;
  void signInId.value;
  if (wanted !== undefined && !needsToken.value) untracked(() => open(wanted));
});

function open(name: string): void {
  if (jobs.peek()?.database === name && openedWith === signInId.peek()) return;
  close();
  openedWith = signInId.peek();
  const store = new JobStore(name);
  stopShowing = pushStatusSource(store);
  jobs.value = store;
}

function readServer(): void {
  void fetchServerInfo();
  if (!isShared) refreshDatabases();
}

function close(): void {
  stopShowing();
  jobs.peek()?.close();
  jobs.value = undefined;
}

/** The one that a worker reported to last. */
function preferredOf(all: readonly DatabaseCounts[]): DatabaseCounts | undefined {
  return all.toSorted((one, other) => activityOf(other) - activityOf(one))[0];
}

function activityOf({ activeAt }: DatabaseCounts): number {
  return activeAt === null ? 0 : Date.parse(activeAt);
}
