import type { WatchedJob } from "../../client/index.js";
import { displayStatusOf, DISPLAY_STATUS_LABELS, type DisplayStatus } from "../jobs/display-status.js";
import { Icon } from "./icons.js";

/** A standing as an icon and a word: never by colour alone. */
export function StatusBadge({ standing }: { readonly standing: DisplayStatus }) {
  return (
    <span class="standing" data-standing={standing}>
      <Icon shape={standing} />
      {DISPLAY_STATUS_LABELS[standing]}
    </span>
  );
}

/** How a job stands; where that is its health, its status is in the title. */
export function JobStatusBadge({ job }: { readonly job: WatchedJob }) {
  const standing = displayStatusOf(job);
  const status = DISPLAY_STATUS_LABELS[job.task.status];
  return (
    <span
      class="standing-slot"
      title={
        standing === job.task.status ? undefined : `Its status is ${status}; its worker is not heard of.`
      }
    >
      <StatusBadge standing={standing} />
    </span>
  );
}
