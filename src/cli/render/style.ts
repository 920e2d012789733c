/** Colours and status signs. Colour never carries information alone. */
import type { Ansis } from "ansis";
import type { WatchedTaskStatus } from "../../client/index.js";
import type { DisplayStatus } from "../../format/display-status.js";

/** Colours, if enabled: `new Ansis()` checks NO_COLOR, FORCE_COLOR and the terminal. */
export type Style = Ansis;

export const STATUS_SIGNS: Readonly<Record<WatchedTaskStatus, string>> = {
  PENDING: "○",
  RUNNING: "●",
  FINISHED: "✔",
  FAILED: "✖",
  CANCELED: "⊘",
};

export function inStatusColor(status: DisplayStatus, text: string, style: Style): string {
  switch (status) {
    case "PENDING":
      return style.dim(text);
    case "RUNNING":
      return style.cyan(text);
    case "FINISHED":
      return style.green(text);
    case "FAILED":
    case "LOST":
      return style.red(text);
    case "CANCELED":
    case "SILENT":
      return style.yellow(text);
  }
}
