/** Between which a pause grows, milliseconds. */
export interface DelayBounds {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * How long to wait before the next try, milliseconds: `firstMs` doubled so many times, `longestMs` at most, and
 * scattered over the longer half, so that those whom one server has left do not all come back at the same moment.
 *
 * @param random from 0, and below 1.
 */
export function retryDelayMs(
  doublings: number,
  { firstMs, longestMs }: DelayBounds,
  random: () => number,
): number {
  return Math.min(longestMs, firstMs * 2 ** doublings) * (0.5 + random() / 2);
}
