import { address, replaceAddress } from "../location.js";
import { exactCount } from "../../format/numbers.js";
import { Icon } from "../parts/icons.js";
import { isUnfiltered } from "./list-filter.js";
import { SORT_NAMES } from "./columns.js";
import { isSortKey } from "./job-order.js";
import type { JobStore } from "./job-store.js";
import { DISPLAY_STATUS_LABELS, DISPLAY_STATUSES, type DisplayStatus } from "./display-status.js";

/** Filters of the list: by status with counts, by user, and by search text. */
export function Toolbar({ store }: { readonly store: JobStore }) {
  return (
    <div class="toolbar" role="search">
      <Search />
      <Standings store={store} />
      <div class="toolbar-end">
        <SortChoice />
        <UserChoice store={store} />
        <Listed store={store} />
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
        onKeyDown={toList}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** The list takes the keys when the search is done with. */
function toList(event: KeyboardEvent): void {
  if (event.key !== "Enter" && event.key !== "Escape" && event.key !== "ArrowDown") return;
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "Escape") replaceAddress({ search: "" });
  document.getElementById("jobs")?.focus();
}

function Standings({ store }: { readonly store: JobStore }) {
  const { statuses } = address();
  const { of: counts } = store.counts.value;
  const shown = DISPLAY_STATUSES.filter(
    (standing) => counts.countOf(standing) > 0 || statuses.includes(standing),
  );
  return (
    <div class="chips" role="group" aria-label="Status">
      <Chip
        text="All"
        count={counts.total}
        isPressed={statuses.length === 0}
        onPress={() => replaceAddress({ statuses: [] })}
      />
      {shown.map((standing) => (
        <Chip
          key={standing}
          standing={standing}
          text={DISPLAY_STATUS_LABELS[standing]}
          count={counts.countOf(standing)}
          isPressed={statuses.includes(standing)}
          onPress={() => replaceAddress({ statuses: toggled(statuses, standing) })}
        />
      ))}
    </div>
  );
}

interface ChipProps {
  readonly standing?: DisplayStatus;
  readonly text: string;
  readonly count: number;
  readonly isPressed: boolean;
  readonly onPress: () => void;
}

function Chip({ standing, text, count, isPressed, onPress }: ChipProps) {
  return (
    <button type="button" class="chip" data-standing={standing} aria-pressed={isPressed} onClick={onPress}>
      {standing && <Icon shape={standing} />}
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

/** Where the heads of the columns have no room. */
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

/** How many of how many are listed, while not all are. */
function Listed({ store }: { readonly store: JobStore }) {
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

/** Takes all filters away. */
export function clearFilters(): void {
  replaceAddress({ search: "", statuses: [], user: undefined });
}

function toggled(standings: readonly DisplayStatus[], standing: DisplayStatus): DisplayStatus[] {
  return standings.includes(standing)
    ? standings.filter((other) => other !== standing)
    : DISPLAY_STATUSES.filter((other) => other === standing || standings.includes(other));
}
