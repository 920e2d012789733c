import { signal } from "@preact/signals";

/** The breakpoints of the row layout; the same as in the style sheets. */
const wide = matches("(min-width: 75rem)");
const middle = matches("(min-width: 48rem)");

/** The row height at the current page width, in pixels. */
export function useRowHeight(heights: {
  readonly wide: number;
  readonly middle: number;
  readonly narrow: number;
}): number {
  if (wide.value) return heights.wide;
  return middle.value ? heights.middle : heights.narrow;
}

function matches(query: string) {
  const list = matchMedia(query);
  const isMatching = signal(list.matches);
  list.addEventListener("change", () => (isMatching.value = list.matches));
  return isMatching;
}
