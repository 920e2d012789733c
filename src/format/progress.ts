/** Done and total work. A volume can be unknown, or known only in part. */
import { exactCount, shortCount } from "./numbers.js";

interface Progress {
  readonly done: number;
  /** Null while any part of the volume is unknown. */
  readonly volume: number | null;
  readonly knownVolume: number;
}

/** The volume: `1,500`; `1,500+` if only a part is known; `?` if the known part is already done. */
export function volumeText({ done, volume, knownVolume }: Progress, count = shortCount): string {
  if (volume !== null) return count(volume);
  return knownVolume > done ? `${count(knownVolume)}+` : "?";
}

/** `420/1,500`, `12.3k/1.23M+`, `420/?`; `no count` for a task that has none. */
export function progressText(progress: Progress, count = shortCount): string {
  if (!hasCount(progress)) return NO_COUNT;
  return `${count(progress.done)}/${volumeText(progress, count)}`;
}

/** All digits, in words: `420 of 1,500`. */
export function doneText(progress: Progress): string {
  const { done, volume, knownVolume } = progress;
  if (!hasCount(progress)) return NO_COUNT;
  if (volume !== null) return `${exactCount(done)} of ${exactCount(volume)}`;
  return `${exactCount(done)} of an unknown total (${exactCount(knownVolume)} known so far)`;
}

/** False for a task that ended without a count. */
export function hasCount({ done, volume }: Progress): boolean {
  return volume !== 0 || done !== 0;
}

const NO_COUNT = "no count";
