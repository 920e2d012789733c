/**
 * The rate of a leaf, estimated from its reports. Immutable: every report of work replaces it.
 *
 * The rate is smoothed over time, not over calls: the work of a report is spread evenly over the time since the
 * previous report, and older work loses weight by a factor of e every 30 seconds. So the number of reports does
 * not matter: a leaf that reports once a minute has an estimate as accurate as one that reports all the time.
 *
 *     let estimate = INITIAL_RATE_ESTIMATE;
 *     estimate = updateRateEstimate(estimate, 500, 1_000);   // 500 units in the first second
 *     estimate = updateRateEstimate(estimate, 500, 2_000);   // and as many in the next
 *     rateOf(estimate, 2_000)                                // 500 units per second
 */
export interface RateEstimate {
  /** Units per second, as if the rate had been 0 forever before the start. Divide by `weightOf` to correct for that. */
  readonly rate: number;
  /** The time from the start of the leaf to its latest report of work. */
  readonly spanMs: number;
  /** The usual time between reports of work: recent gaps, weighted toward the longer ones. */
  readonly gapMs: number;
}

export const INITIAL_RATE_ESTIMATE: RateEstimate = { rate: 0, spanMs: 0, gapMs: 0 };

/** The estimate after `units` more were reported at `atMs` after the start of the leaf. */
export function updateRateEstimate(
  { rate, spanMs, gapMs }: RateEstimate,
  units: number,
  atMs: number,
): RateEstimate {
  const ms = atMs - spanMs;
  if (ms < -ROUNDING_MS) return INITIAL_RATE_ESTIMATE; // the clock was set back while the server was down
  if (ms <= 0) return { rate: rate + (1_000 * units) / SMOOTHING_MS, spanMs, gapMs };
  const decay = Math.exp(-ms / SMOOTHING_MS);
  const decayedGapMs = Math.round(ms + (gapMs - ms) * decay);
  return {
    rate: rate * decay + ((1_000 * units) / ms) * (1 - decay),
    spanMs: atMs,
    gapMs: ms >= gapMs ? ms : decayedGapMs,
  };
}

/**
 * Units per second at `atMs` after the start of the leaf; null before there is enough data. The rate falls while
 * the leaf is silent for longer than usual.
 */
export function rateOf(estimate: RateEstimate, atMs: number): number | null {
  const rate = rateUnlessStalled(estimate, atMs);
  return rate === null ? null : rate * Math.exp(-overdueMs(estimate, atMs) / SMOOTHING_MS);
}

/** Units per second if the leaf continues as it last reported; null before there is enough data. */
export function rateUnlessStalled(estimate: RateEstimate, atMs: number): number | null {
  const knownMs = estimate.spanMs + overdueMs(estimate, atMs);
  return estimate.rate === 0 || knownMs < WARM_UP_MS ? null : estimate.rate / weightOf(knownMs);
}

/** How much longer than usual the leaf has been silent. */
export function overdueMs({ spanMs, gapMs }: RateEstimate, atMs: number): number {
  return Math.max(0, atMs - spanMs - QUIET_GAPS_MAX * gapMs);
}

/** The weight of the observed time: it approaches 1 as the time grows. */
function weightOf(spanMs: number): number {
  return -Math.expm1(-spanMs / SMOOTHING_MS);
}

/** The time in which past work loses weight by a factor of e. */
export const SMOOTHING_MS = 30_000;

/** By how much an interval may be off after a step of the clock, because the time of day is in whole milliseconds. */
const ROUNDING_MS = 2;

/** A rate from less time would be noise. */
export const WARM_UP_MS = 1_000;

/** A leaf is overdue when it is silent for longer than this many usual gaps. */
const QUIET_GAPS_MAX = 2;
