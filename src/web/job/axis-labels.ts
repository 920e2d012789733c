/** Labels of a chart's axes. Two ticks never have the same label, because it would name two places of the axis. */
import { rateText } from "../../format/numbers.js";

/** The label of each tick; null draws none. */
type Labels = (string | null)[];

/**
 * The times of ticks: the date if they are whole days apart, and seconds if they are less than a minute apart. A tick
 * between two whole seconds has no label, and neither has an hour that a change of the clock repeats.
 * @param ticks seconds since 1970, ascending @param timeZone the viewer's by default
 */
export function timeLabels(ticks: readonly number[], stepSeconds: number, timeZone?: string): Labels {
  const format = new Intl.DateTimeFormat("en-GB", { ...fieldsFor(stepSeconds), timeZone });
  return distinct(ticks.map((at) => (Number.isInteger(at) ? format.format(at * 1_000) : null)));
}

/** The rates of ticks: `0`, `12/min`, `1,200/s`. */
export function rateLabels(ticks: readonly number[]): Labels {
  return distinct(ticks.map((rate) => (rate === 0 ? "0" : rateText(rate).replace(/\.0+(?=\D)/u, ""))));
}

function fieldsFor(stepSeconds: number): Intl.DateTimeFormatOptions {
  if (stepSeconds >= 86_400) return { day: "numeric", month: "short" };
  const minutes = { hour: "2-digit", minute: "2-digit" } as const;
  return stepSeconds >= 60 ? minutes : { ...minutes, second: "2-digit" };
}

/** Keeps only the first of equal labels. */
function distinct(labels: Labels): Labels {
  return labels.map((label, index) => (labels.indexOf(label) === index ? label : null));
}
