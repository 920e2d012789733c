import { useEffect, useMemo, useRef } from "preact/hooks";
import type { WatchedJob, WatchedProgress } from "../../client/index.js";
import type { JobRef } from "../address.js";
import { exactCount, rateText } from "../../format/numbers.js";
import { doneText, hasCount, volumeText } from "../../format/progress.js";
import { treeRate } from "../jobs/job-facts.js";
import { displayStatusOf, DISPLAY_STATUS_LABELS } from "../../format/display-status.js";
import {
  jobElapsedText,
  etaText,
  etaTitle,
  NO_VALUE,
  reportAgeText,
  treeRateText,
} from "../jobs/job-texts.js";
import { navigate, linkTo } from "../location.js";
import { Bar } from "../parts/bar.js";
import { Icon } from "../parts/icons.js";
import { Instant } from "../parts/instant.js";
import { Name } from "../parts/name.js";
import { StatusBadge } from "../parts/status-badge.js";
import { serverNow } from "../server/server-clock.js";
import { isShared } from "../server/shared-link.js";
import { pushStatusSource } from "../connection-status.js";
import { JobActions } from "./job-actions.js";
import { JobDetails } from "./job-details.js";
import { JobLog } from "./job-log.js";
import { JobWatch, type MeasuredRate } from "./job-watch.js";
import { RatePanel } from "./rate-panel.js";
import { TaskTree } from "./task-tree.js";

interface JobPageProps {
  readonly database: string;
  readonly address: JobRef;
}

/** One job: its progress, tasks, log, details and actions. */
export function JobPage({ database, address: { username, jobId } }: JobPageProps) {
  const watched = useMemo(() => new JobWatch(database, { username, jobId }), [database, username, jobId]);
  useEffect(() => {
    const hide = pushStatusSource(watched);
    return () => {
      hide();
      watched.close();
    };
  }, [watched]);
  const job = watched.job.value;
  return (
    <main class="job-page" data-scroller>
      {isShared ? (
        <p class="hint">This link shows one job, read-only.</p>
      ) : (
        <BackToJobs database={database} />
      )}
      {job ? <JobView job={job} watched={watched} /> : <NoJob jobId={jobId} isGone={watched.isGone.value} />}
    </main>
  );
}

function BackToJobs({ database }: { readonly database: string }) {
  return (
    <nav aria-label="Back">
      <a href={linkTo({ job: undefined })} class="back" onClick={goBack}>
        <Icon shape="arrowLeft" />
        Jobs in <Name text={database} />
      </a>
    </nav>
  );
}

function NoJob({ jobId, isGone }: { readonly jobId: string; readonly isGone: boolean }) {
  return (
    <div class="quiet-page">
      <h1 class="job-title">
        <Name text={jobId} />
      </h1>
      <p>{isGone ? "This job does not exist or has expired." : "Loading the job…"}</p>
    </div>
  );
}

function JobView({ job, watched }: { readonly job: WatchedJob; readonly watched: JobWatch }) {
  const title = useRef<HTMLHeadingElement>(null);
  const { task, jobId, username, attempt } = job;
  const percent = task.progress.percent.replace(/\..*%$/u, "%");
  useEffect(() => {
    document.title = `${percent} · ${task.description} · Tidemark`;
  }, [percent, task.description]);
  useEffect(() => title.current?.focus({ preventScroll: true }), [job.id]);
  return (
    <>
      <header class="job-header">
        <div class="job-naming">
          <h1 ref={title} class="job-title" tabIndex={-1}>
            <Name text={task.description} />
          </h1>
          <p class="job-subtitle">
            <StatusBadge status={displayStatusOf(job)} />
            <Name text={jobId} className="mono" />
            <span>
              of <Name text={username} />
            </span>
            {attempt > 1 && <span>attempt {exactCount(attempt)}</span>}
          </p>
        </div>
        {!watched.isGone.value && !isShared && <JobActions job={job} />}
      </header>
      <Notices job={job} isGone={watched.isGone.value} />
      <Hero job={job} measured={watched.rates.value} />
      <div class="job-columns">
        <TaskTree job={job} />
        <div class="job-side">
          <RatePanel measured={watched.rates.value} />
          <JobLog lines={watched.log.value} />
          <JobDetails job={job} />
        </div>
      </div>
    </>
  );
}

function countText(progress: WatchedProgress): string {
  if (!hasCount(progress)) return doneText(progress);
  return `${exactCount(progress.done)} / ${volumeText(progress, exactCount)}`;
}

function Hero({ job, measured }: { readonly job: WatchedJob; readonly measured: MeasuredRate }) {
  const { progress } = job.task;
  const now = serverNow();
  return (
    <section class="hero" aria-label="Progress">
      <div class="hero-percent">{progress.percent}</div>
      <Bar progress={progress} status={displayStatusOf(job)} label={`Progress of ${job.task.description}`} />
      <dl class="hero-facts">
        <Fact name="Done" title={doneText(progress)} text={countText(progress)} />
        <Fact name="Rate" text={rateNow(job, measured)} />
        <Fact name="Left" title={etaTitle(job)} text={etaText(job, now)} />
        <Fact name="Elapsed" text={jobElapsedText(job, now)} />
      </dl>
    </section>
  );
}

/** The server's rate, or the rate measured here if the server has none. */
function rateNow(job: WatchedJob, { points }: MeasuredRate): string {
  const isMoving = job.health === "OK" && job.task.status === "RUNNING";
  const latest = isMoving && treeRate(job.task) === null ? points.at(-1) : undefined;
  return latest ? rateText(latest.rate) : treeRateText(job);
}

interface FactProps {
  readonly name: string;
  readonly text: string;
  readonly title?: string | undefined;
}

function Fact({ name, text, title }: FactProps) {
  return (
    <div title={title} data-nothing={text === NO_VALUE || undefined}>
      <dt>{name}</dt>
      <dd class="number">{text}</dd>
    </div>
  );
}

/** Notices about failure, silence and cancel requests. */
function Notices({ job, isGone }: { readonly job: WatchedJob; readonly isGone: boolean }) {
  const { task, health, cancelRequest, endedAt } = job;
  return (
    <div class="notices">
      {isGone && <p class="notice">This job is no longer on the server. The page shows its last state.</p>}
      {task.status === "FAILED" && (
        <div class="notice" data-status="FAILED">
          <Icon shape="FAILED" />
          <div>
            <strong>Failed</strong> <bdi class="reason">{failureOf(job)}</bdi>
          </div>
        </div>
      )}
      {health !== "OK" && <HealthNotice job={job} />}
      {cancelRequest && (
        <div class="notice" data-status="CANCELED">
          <Icon shape="CANCELED" />
          <div>
            <strong>
              Cancellation requested by <Name text={cancelRequest.by} />
            </strong>{" "}
            <Instant at={cancelRequest.at} />
            {cancelRequest.reason && <bdi class="reason">{cancelRequest.reason}</bdi>}
            {endedAt === null && <span class="hint"> The worker has not stopped yet.</span>}
          </div>
        </div>
      )}
    </div>
  );
}

function HealthNotice({ job }: { readonly job: WatchedJob }) {
  const { health, reportedAt, task } = job;
  if (health === "OK") return null;
  return (
    <div class="notice" data-status={health}>
      <Icon shape={health} />
      <div>
        <strong>{DISPLAY_STATUS_LABELS[health]}</strong> The last report arrived{" "}
        {reportAgeText(job, serverNow())}, at <Instant at={reportedAt} />. Its status was{" "}
        {DISPLAY_STATUS_LABELS[task.status]} then.
      </div>
    </div>
  );
}

/** The message of the root task, or else of the failed task nearest to it. */
function failureOf({ task }: WatchedJob): string {
  for (let failed: WatchedJob["task"] | undefined = task; failed;) {
    if (failed.message) return failed.message;
    failed = failed.subTasks.find(({ status }) => status === "FAILED");
  }
  return "The worker reported no reason.";
}

function goBack(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  navigate({ job: undefined });
}
