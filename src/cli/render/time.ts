/** Times as people read them at a glance: the two largest units of what has passed, mostly one of what may come. */
import type { WatchedEta } from "../../client/index.js";

/** "42s", "3m 05s", "1h 02m", "2d 03h"; never less than "0s". */
export function elapsed(ms: number): string {
  return inTwoUnits(Math.max(0, Math.floor(ms / 1_000)));
}

/** "2m–5m left"; "up to 5m left" once it may end any moment, and "overdue" when it should have. */
export function left({ earliest, latest }: WatchedEta, now: number): string {
  const [from, to] = [Date.parse(earliest) - now, Date.parse(latest) - now];
  if (to <= 0) return "overdue";
  if (from <= 0) return `up to ${roughly(to)} left`;
  const [first, last] = [roughly(from), roughly(to)];
  return first === last ? `about ${first} left` : `${first}–${last} left`;
}

/** "17:03:12", in the time of this machine. */
export function clockTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** To the nearest whole of the largest unit; where that is 1, with the next unit, as "1h 46m" says more than "1h". */
function roughly(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  const { size, name } = UNITS.find((unit) => seconds >= unit.size)!; // a second is the least
  return seconds < 2 * size ? inTwoUnits(seconds) : `${Math.round(seconds / size)}${name}`;
}

function inTwoUnits(seconds: number): string {
  const at = UNITS.findIndex(({ size }) => seconds >= size);
  const unit = UNITS[at];
  if (!unit) return "0s";
  const next = UNITS[at + 1];
  const first = `${Math.floor(seconds / unit.size)}${unit.name}`;
  if (!next) return first;
  const rest = Math.floor((seconds % unit.size) / next.size);
  return `${first} ${String(rest).padStart(2, "0")}${next.name}`;
}

const UNITS = [
  { name: "d", size: 86_400 },
  { name: "h", size: 3_600 },
  { name: "m", size: 60 },
  { name: "s", size: 1 },
] as const;
