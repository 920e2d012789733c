import { useLayoutEffect, useRef } from "preact/hooks";
import { address, replaceAddress, navigate } from "../location.js";
import { Icon } from "../parts/icons.js";
import { hasKeyboardFocus, rowStep } from "../parts/row-keys.js";
import { useRowHeight } from "../parts/row-height.js";
import { scrollTopFor } from "../parts/virtual-window.js";
import { VirtualRows } from "../parts/virtual-rows.js";
import { COLUMNS, type Column } from "./columns.js";
import { JobRowView, rowElementId } from "./job-row.js";
import type { JobRow, JobStore } from "./job-store.js";

/** Rows with one, two and three lines, in rem, as in jobs.css. */
const ROW_HEIGHTS = { wide: 2.25, middle: 3.25, narrow: 5.5 };

/** The jobs as a grid. The grid has the focus, and the active row follows its job when the order changes. */
export function JobList({ store }: { readonly store: JobStore }) {
  const grid = useRef<HTMLDivElement>(null);
  const rows = store.order.value;
  const rowHeight = useRowHeight(ROW_HEIGHTS);
  const activeId = store.activeId.value;
  useStableScroll(grid, store, rows, rowHeight);

  const move = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (!row) return;
    store.activeId.value = row.id;
    reveal(grid.current!, rows.indexOf(row), rowHeight);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== grid.current) return;
    const active = rows.findIndex(({ id }) => id === store.activeId.peek());
    if (event.key === "Enter" && rows[active]) return openJob(rows[active]);
    const step = rowStep(event, Math.max(1, Math.floor(grid.current!.clientHeight / rowHeight) - 2));
    if (step === undefined) return;
    event.preventDefault();
    move(active < 0 && Number.isFinite(step) ? 0 : active + step);
  };

  return (
    <div
      ref={grid}
      id="jobs"
      class="job-list"
      role="grid"
      aria-label={`Jobs in ${store.database}`}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={activeId && rowElementId(activeId)}
      tabIndex={0}
      data-scroller
      onKeyDown={onKeyDown}
      onFocus={(event) =>
        hasKeyboardFocus(event, grid.current) && store.activeId.peek() === undefined && move(0)
      }
      onClick={(event) => onRowClick(event, store)}
      onScroll={() => (store.scrollTop = grid.current!.scrollTop)}
    >
      <ColumnHeaders />
      <VirtualRows
        rows={rows}
        rowHeight={rowHeight}
        role="rowgroup"
        draw={(row, index, top) => (
          <JobRowView key={row.id} row={row} index={index} top={top} isActive={row.id === activeId} />
        )}
      />
    </div>
  );
}

function ColumnHeaders() {
  return (
    <div role="rowgroup" class="job-heads">
      <div role="row" class="job-row" aria-rowindex={1}>
        {COLUMNS.map((column) => (
          <ColumnHeader key={column.key} column={column} />
        ))}
      </div>
    </div>
  );
}

function ColumnHeader({ column: { title, key, isDescendingFirst, isNumber } }: { readonly column: Column }) {
  const { sort } = address();
  const isSorted = sort.key === key;
  const sortIt = (): void =>
    replaceAddress({ sort: { key, isDescending: isSorted ? !sort.isDescending : isDescendingFirst } });
  return (
    <div
      role="columnheader"
      class={`cell cell-${key} ${isNumber ? "number" : ""}`}
      aria-sort={isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}
    >
      <button type="button" class="head" onClick={sortIt}>
        {title}
        {isSorted && <Icon shape={sort.isDescending ? "arrowDown" : "arrowUp"} />}
      </button>
    </div>
  );
}

/**
 * Restores the scroll position and the focus when the user returns to the list. While the list is sorted by age, new
 * jobs do not move the visible rows of a scrolled list; in any other order, rows move anyway.
 */
function useStableScroll(
  grid: { readonly current: HTMLDivElement | null },
  store: JobStore,
  rows: readonly JobRow[],
  rowHeight: number,
): void {
  useLayoutEffect(() => {
    grid.current!.scrollTop = store.scrollTop;
    if (store.activeId.peek() !== undefined) grid.current!.focus({ preventScroll: true });
  }, [store]);
  const before = useRef(rows);
  useLayoutEffect(() => {
    const element = grid.current!; // drawn by now
    const top = before.current[Math.floor(element.scrollTop / rowHeight)];
    const moved = top ? rows.indexOf(top) - before.current.indexOf(top) : 0;
    const isStable = element.scrollTop > rowHeight && moved > 0 && address().sort.key === "stored";
    if (isStable) element.scrollTop += moved * rowHeight;
    before.current = rows;
  }, [rows]);
}

/** Scrolls as little as needed. The column headers always cover the top of the list. */
function reveal(grid: HTMLElement, index: number, rowHeight: number): void {
  const heads = grid.querySelector<HTMLElement>(".job-heads")!.offsetHeight;
  const top = scrollTopFor(index, { top: grid.scrollTop, height: grid.clientHeight - heads, rowHeight });
  if (top !== undefined) grid.scrollTop = top;
}

/** Leaves clicks with a modifier key to the browser: a new tab, or a selection. */
function onRowClick(event: MouseEvent, store: JobStore): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const element = (event.target as Element).closest<HTMLElement>("[data-job]"); // safe: clicks are on elements
  const row = store.order.peek().find(({ id }) => id === element?.dataset["job"]);
  if (!row) return;
  event.preventDefault();
  store.activeId.value = row.id;
  openJob(row);
}

function openJob(row: JobRow): void {
  const { username, jobId } = row.current();
  navigate({ job: { username, jobId } });
}
