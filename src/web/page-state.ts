/** Which database is seen, and its jobs, which stay at hand while one of them is looked at. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { JobStore } from "./jobs/job-store.js";
import { address, replaceAddress } from "./location.js";
import { databases, type DatabaseCounts } from "./server/databases.js";
import { needsToken, token } from "./server/session.js";
import { pushStatusSource } from "./connection-status.js";

/** Where the first job of an empty server is expected. */
const FIRST = "demo";

/** The one in the address; else, where there is none on the server, that of a first job; undefined till that is known. */
export const database = computed(
  () => address().database ?? (databases.value?.length === 0 ? FIRST : undefined),
);

/** The jobs of the database that was listed last. */
export const jobs = signal<JobStore | undefined>(undefined);

/** The token that they were asked for with. */
let openedWith: string | undefined;
let stopShowing = (): void => {};

/** An address without a database is made one with: that is what a link to it shows. */
effect(() => {
  const first = firstOf(databases.value ?? []);
  if (address().database === undefined && first) untracked(() => replaceAddress({ database: first.name }));
});

effect(() => {
  const wanted = address().job ? undefined : database.value;
  void token.value; // another one may see other jobs
  if (wanted !== undefined && !needsToken.value) untracked(() => open(wanted));
});

function open(name: string): void {
  if (jobs.peek()?.database === name && openedWith === token.peek()) return;
  stopShowing();
  jobs.peek()?.close();
  openedWith = token.peek();
  const store = new JobStore(name);
  stopShowing = pushStatusSource(store);
  jobs.value = store;
}

/** Where something runs, if anywhere. */
function firstOf(all: readonly DatabaseCounts[]): DatabaseCounts | undefined {
  return all.find(({ running }) => running > 0) ?? all[0];
}
