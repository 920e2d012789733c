import type { ServerMove } from "../../client/index.js";
import { rootCauseText } from "../../client/transport/root-cause.js";

/** Which server failed and why, and which one is used now. */
export function moveText({ from, to, cause }: ServerMove): string {
  return `${from} failed (${rootCauseText(cause)}). Using ${to} now.`;
}
