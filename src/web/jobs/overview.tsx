import { useEffect } from "preact/hooks";
import { EmptyState } from "../empty-state/empty-state.js";
import { address } from "../location.js";
import { exactCount } from "../../format/numbers.js";
import { JobList } from "./job-list.js";
import type { JobStore } from "./job-store.js";
import { clearFilters, Toolbar } from "./toolbar.js";

/**
 * The jobs of a database, or the empty state if it has none. A long list is shown while it loads: the store sorts it
 * for the first time after a second.
 */
export function Overview({ store }: { readonly store: JobStore }) {
  useEffect(() => {
    document.title = `${store.database} · Tidemark`;
  }, [store]);
  const { total } = store.counts.value.of;
  const isLoaded = store.isLoaded.value;
  if (!isLoaded && store.order.value.length === 0) return <LoadingPage count={total} />;
  if (total === 0) return <EmptyState database={store.database} />;
  return (
    <main class="overview">
      <h1 class="unseen">Jobs in {store.database}</h1>
      <Toolbar store={store} />
      {!isLoaded && <p class="loading">{loadingText(total)}</p>}
      <JobList store={store} />
      {isLoaded && store.order.value.length === 0 && <NoMatches />}
    </main>
  );
}

function LoadingPage({ count }: { readonly count: number }) {
  return (
    <main class="quiet-page">
      <h1 class="unseen">Jobs</h1>
      <p>{count > 0 ? loadingText(count) : `Loading the jobs in ${address().database ?? "…"}`}</p>
    </main>
  );
}

function loadingText(count: number): string {
  return `Loading jobs: ${exactCount(count)}`;
}

function NoMatches() {
  return (
    <div class="none-listed">
      <p>No matching jobs.</p>
      <button type="button" onClick={clearFilters}>
        Show all
      </button>
    </div>
  );
}
