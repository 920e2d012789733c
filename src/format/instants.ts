/** Instants in the reader's time zone. */

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const withYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });

/** `14:03:22` today, `21 Nov, 14:03` this year, `21 Nov 2023` before. @param now milliseconds since 1970 */
export function instantText(instant: string | number, now: number): string {
  const date = new Date(instant);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return time.format(date);
  return (date.getFullYear() === today.getFullYear() ? dayAndTime : withYear).format(date);
}

/** In full, with the zone: `Tuesday 21 November 2023 at 14:03:22 CET`. */
export function exactInstant(instant: string | number): string {
  return exact.format(new Date(instant));
}
