import type { WatchedProgress } from "../../client/index.js";

/** `[####~~~~~~]`, and `[~~~~n/a~~~]` while the volume is unknown: the style of `gds.listProgress`. */
export function bar({ done, volume }: Pick<WatchedProgress, "done" | "volume">, width: number): string {
  if (volume === null) return `[${centred(UNKNOWN, width)}]`;
  const filled = volume === 0 ? width : Math.floor(Math.min(1, done / volume) * width);
  return `[${"#".repeat(filled)}${"~".repeat(width - filled)}]`;
}

const UNKNOWN = "n/a";

function centred(text: string, width: number): string {
  const after = Math.floor((width - text.length) / 2);
  return "~".repeat(width - text.length - after) + text + "~".repeat(after);
}
