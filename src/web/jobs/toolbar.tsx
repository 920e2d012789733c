import { address, replaceAddress } from "../location.js";
import { exactCount } from "../../format/numbers.js";
import { Icon } from "../parts/icons.js";
import { isUnfiltered } from "./list-filter.js";
import { SORT_NAMES } from "./columns.js";
import { isSortKey } from "./job-order.js";
import type { JobStore } from "./job-store.js";
import { DISPLAY_STATUS_LABELS, DISPLAY_STATUSES, type DisplayStatus } from "../../format/display-status.js";

/** Filters of the list: by status with counts, by user, and by search text. */
export function Toolbar({ store }: { readonly store: JobStore }) {
  return (
    <div class="toolbar" role="search">
      <Search />
      <StatusFilter store={store} />
      <div class="toolbar-end">
        <SortChoice />
        <UserChoice store={store} />
        <MatchCount store={store} />
      </div>
    </div>
  );
}

function Search() {
  const { search } = address();
  return (
    <label class="search">
      <Icon shape="search" />
      <span class="unseen">Search jobs</span>
      <input
        id="search"
        type="search"
        placeholder="Search names, jobs, users"
        autocomplete="off"
        spellcheck={false}
        value={search}
        onInput={(event) => replaceAddress({ search: event.currentTarget.value })}
        onKeyDown={leaveSearch}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** Enter, Escape and ArrowDown move the focus from the search to the list. */
function leaveSearch(event: KeyboardEvent): void {
  if (event.key !== "Enter" && event.key !== "Escape" && event.key !== "ArrowDown") return;
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "Escape") replaceAddress({ search: "" });
  document.getElementById("jobs")?.focus();
}

function StatusFilter({ store }: { readonly store: JobStore }) {
  const { statuses } = address();
  const { of: counts } = store.counts.value;
  const shown = DISPLAY_STATUSES.filter((status) => counts.countOf(status) > 0 || statuses.includes(status));
  return (
    <div class="chips" role="group" aria-label="Status">
      <Chip
        text="All"
        count={counts.total}
        isPressed={statuses.length === 0}
        onPress={() => replaceAddress({ statuses: [] })}
      />
      {shown.map((status) => (
        <Chip
          key={status}
          status={status}
          text={DISPLAY_STATUS_LABELS[status]}
          count={counts.countOf(status)}
          isPressed={statuses.includes(status)}
          onPress={() => replaceAddress({ statuses: toggled(statuses, status) })}
        />
      ))}
    </div>
  );
}

interface ChipProps {
  readonly status?: DisplayStatus;
  readonly text: string;
  readonly count: number;
  readonly isPressed: boolean;
  readonly onPress: () => void;
}

function Chip({ status, text, count, isPressed, onPress }: ChipProps) {
  return (
    <button type="button" class="chip" data-status={status} aria-pressed={isPressed} onClick={onPress}>
      {status && <Icon shape={status} />}
      {text} <span class="count">{exactCount(count)}</span>
    </button>
  );
}

function UserChoice({ store }: { readonly store: JobStore }) {
  const { user } = address();
  const users = store.counts.value.of.users();
  if (users.length < 2 && user === undefined) return null;
  const choices = user === undefined || users.includes(user) ? users : [user, ...users];
  return (
    <span class="choice">
      <select
        aria-label="User"
        value={user ?? ""}
        onChange={(event) => replaceAddress({ user: event.currentTarget.value || undefined })}
      >
        <option value="">All users</option>
        {choices.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}

/** Shown on narrow pages, which have no column headers. */
function SortChoice() {
  const { sort } = address();
  return (
    <span class="choice sort-choice">
      <select aria-label="Sort by" value={sort.key} onChange={(event) => sortBy(event.currentTarget.value)}>
        {Object.entries(SORT_NAMES).map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}

function sortBy(key: string): void {
  if (isSortKey(key)) replaceAddress({ sort: { key, isDescending: DESCENDING.has(key) } });
}

const DESCENDING = new Set(["stored", "progress", "done", "rate", "elapsed", "attempt"]);

/** A button with the number of matching jobs that clears the filters; hidden without filters. */
function MatchCount({ store }: { readonly store: JobStore }) {
  const filter = address();
  if (isUnfiltered(filter)) return null;
  return (
    <button type="button" class="quiet" onClick={clearFilters}>
      {exactCount(store.order.value.length)} shown
      <Icon shape="cross" />
      <span class="unseen">Show all</span>
    </button>
  );
}

export function clearFilters(): void {
  replaceAddress({ search: "", statuses: [], user: undefined });
}

function toggled(statuses: readonly DisplayStatus[], status: DisplayStatus): DisplayStatus[] {
  return statuses.includes(status)
    ? statuses.filter((other) => other !== status)
    : DISPLAY_STATUSES.filter((other) => other === status || statuses.includes(other));
}
