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

/** `420/1,500`, `12.3k/1.23M+`, `420/?`. */
export function progressText(progress: Progress, count = shortCount): string {
  return `${count(progress.done)}/${volumeText(progress, count)}`;
}

/** All digits, in words: `420 of 1,500`. */
export function doneText({ done, volume, knownVolume }: Progress): string {
  if (volume !== null) return `${exactCount(done)} of ${exactCount(volume)}`;
  return `${exactCount(done)} of an unknown total (${exactCount(knownVolume)} known so far)`;
}
