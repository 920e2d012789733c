/** Colours and signs of a terminal. Colour is never the only carrier of a fact. */
import type { Ansis } from "ansis";
import type { WatchedTaskStatus } from "../../client/index.js";

/** Colours, or none: `new Ansis()` asks NO_COLOR, FORCE_COLOR and the terminal. */
export type Style = Ansis;

/** The sign of a status. */
export const STATUS_SIGNS: Readonly<Record<WatchedTaskStatus, string>> = {
  PENDING: "○",
  RUNNING: "●",
  FINISHED: "✔",
  FAILED: "✖",
  CANCELED: "⊘",
};

/** A text about a task, in the colour of its status. */
export function inStatusColor(status: WatchedTaskStatus, text: string, style: Style): string {
  switch (status) {
    case "PENDING":
      return style.dim(text);
    case "RUNNING":
      return style.cyan(text);
    case "FINISHED":
      return style.green(text);
    case "FAILED":
      return style.red(text);
    case "CANCELED":
      return style.yellow(text);
  }
}
