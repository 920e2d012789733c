/** How far a task is. What is not known is said to be unknown, and nothing is made up for it. */
import type { WatchedProgress } from "../../client/index.js";
import { whole } from "./quantity.js";

/** `[####~~~~~~]`, and `[~~~~n/a~~~]` while the volume is unknown: as `gds.listProgress` draws it. */
export function bar({ done, volume }: WatchedProgress, width: number): string {
  if (volume === null) return `[${middle(UNKNOWN, width)}]`;
  const filled = volume === 0 ? width : Math.floor(Math.min(1, done / volume) * width);
  return `[${"#".repeat(filled)}${"~".repeat(width - filled)}]`;
}

/** "420/1,500"; "420/1,000+" while a part is unknown, "420/?" while all is. */
export function count({ done, volume, knownVolume }: WatchedProgress): string {
  if (volume !== null) return `${whole(done)}/${whole(volume)}`;
  return knownVolume > done ? `${whole(done)}/${whole(knownVolume)}+` : `${whole(done)}/?`;
}

const UNKNOWN = "n/a";

function middle(text: string, width: number): string {
  const after = Math.floor((width - text.length) / 2);
  return "~".repeat(width - text.length - after) + text + "~".repeat(after);
}
