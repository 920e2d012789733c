import { exactCount, shortCount } from "../../format/numbers.js";
import { doneText } from "../../format/progress.js";
import { serverNow } from "../server/server-clock.js";
import { linkTo } from "../location.js";
import { Bar } from "../parts/bar.js";
import { ProgressCount } from "../parts/progress-count.js";
import { Name } from "../parts/name.js";
import { JobStatusBadge } from "../parts/status-badge.js";
import type { JobRow } from "./job-store.js";
import { displayStatusOf } from "../../format/display-status.js";
import { jobElapsedText, etaText, etaTitle, treeRateText } from "./job-texts.js";

export interface JobRowViewProps {
  readonly row: JobRow;
  readonly index: number;
  readonly top: number;
  readonly isActive: boolean;
}

/** A job in the list. It is rendered again when the job changes, and its clocks every second. */
export function JobRowView({ row, index, top, isActive }: JobRowViewProps) {
  const job = row.job.value;
  const { username, jobId, attempt, task } = job;
  return (
    <div
      role="row"
      id={rowElementId(row.id)}
      class="job-row"
      aria-rowindex={index + 2}
      aria-selected={isActive}
      data-status={displayStatusOf(job)}
      data-job={row.id}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div role="gridcell" class="cell cell-status">
        <JobStatusBadge job={job} />
      </div>
      <div role="gridcell" class="cell cell-name">
        <a href={linkTo({ job: { username, jobId } })} tabIndex={-1}>
          <Name text={task.description} />
        </a>
        {task.message && <Name className="message" text={task.message} />}
      </div>
      <div role="gridcell" class="cell cell-job">
        <Name text={jobId} />
      </div>
      <div role="gridcell" class="cell cell-user">
        <Name text={username} />
      </div>
      <div role="gridcell" class="cell cell-progress">
        <Bar
          progress={task.progress}
          status={displayStatusOf(job)}
          label={`Progress of ${task.description}`}
        />
        <span class="percent">{task.progress.percent}</span>
      </div>
      <div role="gridcell" class="cell cell-done number" title={doneText(task.progress)}>
        <ProgressCount progress={task.progress} />
      </div>
      <div role="gridcell" class="cell cell-rate number">
        {treeRateText(job)}
      </div>
      <Clocks row={row} />
      <div role="gridcell" class="cell cell-attempt number" title={exactCount(attempt)}>
        {shortCount(attempt)}
      </div>
    </div>
  );
}

/** The cells that change with time. */
function Clocks({ row }: { readonly row: JobRow }) {
  const job = row.job.value;
  const now = job.endedAt === null ? serverNow() : 0;
  return (
    <>
      <div role="gridcell" class="cell cell-eta number" title={etaTitle(job)}>
        {etaText(job, now)}
      </div>
      <div role="gridcell" class="cell cell-elapsed number">
        {jobElapsedText(job, now)}
      </div>
    </>
  );
}

/** A job id is base64url, and so a valid element id. */
export function rowElementId(id: string): string {
  return `job-${id}`;
}
