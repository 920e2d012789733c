/**
 * How fast a leaf goes, from its reports: a small value that every report of work makes anew.
 *
 * The rate is smoothed over time, not over calls: what a report adds is spread evenly over the time since the one
 * before it, and what is older weighs less by a factor of e each 30 seconds. So it does not matter in how many
 * reports the work is told, and a leaf that reports once a minute has a rate as true as one that reports always.
 *
 *     let pace = NO_PACE;
 *     pace = paced(pace, 500, 1_000);    // 500 units in the first second
 *     pace = paced(pace, 500, 2_000);    // and as many in the next
 *     rateOf(pace, 2_000)                // 500 units a second
 */
export interface RateEstimate {
  /** Units a second, as if there had been a rate of 0 for ever before the start; divided by `weightOf` it is true. */
  readonly rate: number;
  /** From the start of the leaf to its latest report of work. */
  readonly spanMs: number;
  /** How long the leaf goes without a report of work: the latest such times, the longer ones counting most. */
  readonly gapMs: number;
}

/** Before the first report of work. */
export const INITIAL_RATE_ESTIMATE: RateEstimate = { rate: 0, spanMs: 0, gapMs: 0 };

/** The pace after `units` more were reported at `atMs` after the start of the leaf. */
export function updateRateEstimate(
  { rate, spanMs, gapMs }: RateEstimate,
  units: number,
  atMs: number,
): RateEstimate {
  const ms = atMs - spanMs;
  if (ms < 0) return INITIAL_RATE_ESTIMATE; // the clock was set back
  if (ms === 0) return { rate: rate + (1_000 * units) / SMOOTHING_MS, spanMs, gapMs };
  const kept = Math.exp(-ms / SMOOTHING_MS);
  const shorterGapMs = Math.round(ms + (gapMs - ms) * kept);
  return {
    rate: rate * kept + ((1_000 * units) / ms) * (1 - kept),
    spanMs: atMs,
    gapMs: ms >= gapMs ? ms : shorterGapMs,
  };
}

/**
 * Units a second at `atMs` after the start of the leaf; null before there is enough to say. It falls once the leaf
 * is quiet for longer than it usually is.
 */
export function rateOf(pace: RateEstimate, atMs: number): number | null {
  const rate = rateUnlessStalled(pace, atMs);
  return rate === null ? null : rate * Math.exp(-overdueMs(pace, atMs) / SMOOTHING_MS);
}

/** Units a second if the leaf goes on as it did when it reported; null before there is enough to say. */
export function rateUnlessStalled(pace: RateEstimate, atMs: number): number | null {
  const knownMs = pace.spanMs + overdueMs(pace, atMs);
  return pace.rate === 0 || knownMs < WARM_UP_MS ? null : pace.rate / weightOf(knownMs);
}

/** How much longer the leaf is quiet than it usually is. */
export function overdueMs({ spanMs, gapMs }: RateEstimate, atMs: number): number {
  return Math.max(0, atMs - spanMs - QUIET_GAPS_MAX * gapMs);
}

/** What the time since the start weighs: 1 when it is long. */
function weightOf(spanMs: number): number {
  return -Math.expm1(-spanMs / SMOOTHING_MS);
}

/** The time in which the past comes to weigh less by a factor of e. */
export const SMOOTHING_MS = 30_000;

/** A rate of less time would be noise. */
export const WARM_UP_MS = 1_000;

/** So many times the usual gap between two reports a leaf may be quiet. */
const QUIET_GAPS_MAX = 2;
