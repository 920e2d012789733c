/** The window of a virtual list: which rows are rendered. */

export interface Span {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export interface WindowOptions {
  /** The offset of the viewport's upper edge in the list; negative above it. */
  readonly top: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly count: number;
}

/** The visible rows plus a margin, so that scrolling shows no gap. Both ends are rounded, so that the span changes rarely. */
export function visibleSpan({ top, height, rowHeight, count }: WindowOptions): Span {
  const first = Math.floor(top / rowHeight);
  const last = Math.ceil((top + height) / rowHeight);
  const from = clamp(first - MARGIN, 0, count);
  return { from: from - (from % STEP), to: clamp(Math.ceil((last + MARGIN) / STEP) * STEP, 0, count) };
}

/** The scroll offset that makes a row fully visible; undefined if it already is. */
export function scrollTopFor(
  index: number,
  { top, height, rowHeight }: Omit<WindowOptions, "count">,
): number | undefined {
  const rowTop = index * rowHeight;
  if (rowTop < top) return rowTop;
  if (rowTop + rowHeight > top + height) return rowTop + rowHeight - height;
  return undefined;
}

const MARGIN = 6;
const STEP = 4;

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
