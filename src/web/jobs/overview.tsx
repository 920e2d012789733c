import { useEffect } from "preact/hooks";
import { EmptyState } from "../empty-state/empty-state.js";
import { address } from "../location.js";
import { exactCount } from "../../format/numbers.js";
import { JobList } from "./job-list.js";
import type { JobStore } from "./job-store.js";
import { clearFilters, Toolbar } from "./toolbar.js";

/** The jobs of a database, or the empty state if it has none. */
export function Overview({ store }: { readonly store: JobStore }) {
  useEffect(() => {
    document.title = `${store.database} · Tidemark`;
  }, [store]);
  const { total } = store.counts.value.of;
  if (!store.isLoaded.value) return <Loading count={total} />;
  if (total === 0) return <EmptyState database={store.database} />;
  return (
    <main class="overview">
      <h1 class="unseen">Jobs in {store.database}</h1>
      <Toolbar store={store} />
      <JobList store={store} />
      {store.order.value.length === 0 && <NoMatches />}
    </main>
  );
}

function Loading({ count }: { readonly count: number }) {
  return (
    <main class="quiet-page">
      <h1 class="unseen">Jobs</h1>
      <p>
        {count > 0
          ? `Loading jobs: ${exactCount(count)}`
          : `Loading the jobs in ${address().database ?? "…"}`}
      </p>
    </main>
  );
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
