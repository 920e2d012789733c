import type { WatchedJob } from "../../client/index.js";
import { displayStatusOf, DISPLAY_STATUS_LABELS, type DisplayStatus } from "../../format/display-status.js";
import { Icon } from "./icons.js";

/** A status as an icon and a word: never by colour alone. */
export function StatusBadge({ status }: { readonly status: DisplayStatus }) {
  return (
    <span class="status" data-status={status}>
      <Icon shape={status} />
      {DISPLAY_STATUS_LABELS[status]}
    </span>
  );
}

/** The display status of a job. While that is its health, the title shows its status. */
export function JobStatusBadge({ job }: { readonly job: WatchedJob }) {
  const status = displayStatusOf(job);
  const label = DISPLAY_STATUS_LABELS[job.task.status];
  const title =
    status === job.task.status ? undefined : `Last status: ${label}. The worker stopped reporting.`;
  return (
    <span class="status-slot" title={title}>
      <StatusBadge status={status} />
    </span>
  );
}
