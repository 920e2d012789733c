import { signal } from "@preact/signals";

/** The widths at which rows take another shape; the same as in the styles. */
const wide = matches("(min-width: 75rem)");
const middle = matches("(min-width: 48rem)");

/** How high the rows are at the width that the page has now, pixels. */
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
