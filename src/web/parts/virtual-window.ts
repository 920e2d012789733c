/** Which rows of a long list are drawn. */

export interface Span {
  /** The first that is drawn. */
  readonly from: number;
  /** The first after them. */
  readonly to: number;
}

export interface WindowOptions {
  /** Where the upper edge of what is seen lies, from the upper edge of the list; negative above it. */
  readonly top: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly count: number;
}

/** What is seen, and a few more on both sides, so that scrolling does not show a gap. Begins at an even row, so that it changes rarely. */
export function visibleSpan({ top, height, rowHeight, count }: WindowOptions): Span {
  const first = Math.floor(top / rowHeight);
  const last = Math.ceil((top + height) / rowHeight);
  const from = clamp(first - MORE, 0, count);
  return { from: from - (from % STEP), to: clamp(Math.ceil((last + MORE) / STEP) * STEP, 0, count) };
}

/** Where to scroll to so that a row is whole in what is seen; undefined where it is. */
export function scrollTopFor(
  index: number,
  { top, height, rowHeight }: Omit<WindowOptions, "count">,
): number | undefined {
  const rowTop = index * rowHeight;
  if (rowTop < top) return rowTop;
  if (rowTop + rowHeight > top + height) return rowTop + rowHeight - height;
  return undefined;
}

const MORE = 6;
const STEP = 4;

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
