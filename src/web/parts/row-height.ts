import { signal } from "@preact/signals";

/** The breakpoints of the row layout; the same as in the style sheets. */
const wide = matches("(min-width: 75rem)");
const middle = matches("(min-width: 48rem)");

/** The row height at the current page width, in pixels. @param heights in rem, since text grows with the font size of the browser */
export function useRowHeight(heights: {
  readonly wide: number;
  readonly middle: number;
  readonly narrow: number;
}): number {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (wide.value) return rem * heights.wide;
  return rem * (middle.value ? heights.middle : heights.narrow);
}

function matches(query: string) {
  const list = matchMedia(query);
  const isMatching = signal(list.matches);
  list.addEventListener("change", () => (isMatching.value = list.matches));
  return isMatching;
}
