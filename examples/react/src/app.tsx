import { memo, useState } from "react";
import {
  useCancelJob,
  useConnection,
  useJob,
  useJobs,
  type WatchedJob,
  type WatchedTask,
} from "tidemark-client/react";

/** All jobs of the database as bars. A click on one opens its tasks. */
export function App() {
  const { data: jobs, isLoading, isStale, error } = useJobs();
  const [opened, setOpened] = useState<WatchedJob>();
  return (
    <main className={isStale ? "stale" : ""}>
      <header>
        <h1>Jobs</h1>
        <ConnectionBadge />
      </header>
      {error && <p role="alert">{error.message}</p>}
      {isLoading && <p className="hint">Loading…</p>}
      {!isLoading && !error && jobs.length === 0 && <NoJobs />}
      <ul className="jobs">
        {jobs.map((job) => (
          <JobRow key={job.id} job={job} isOpen={job.id === opened?.id} onOpen={setOpened} />
        ))}
      </ul>
      {opened && <JobDetails jobKey={opened} onClose={() => setOpened(undefined)} />}
    </main>
  );
}

interface JobRowProps {
  readonly job: WatchedJob;
  readonly isOpen: boolean;
  readonly onOpen: (job: WatchedJob) => void;
}

/** Renders again only if its own job changes: all other jobs stay the same objects. */
const JobRow = memo(function JobRow({ job, isOpen, onOpen }: JobRowProps) {
  return (
    <li>
      <button className="job" aria-pressed={isOpen} onClick={() => onOpen(job)}>
        <span className="name">{job.task.description}</span>
        <span className="id">
          {job.username} / {job.jobId}
        </span>
        <Bar task={job.task} />
      </button>
    </li>
  );
});

function JobDetails({ jobKey, onClose }: { jobKey: WatchedJob; onClose: () => void }) {
  const { data: job } = useJob(jobKey);
  const { cancelJob, isPending, error } = useCancelJob();
  if (!job) return <section className="details">This job was removed.</section>;
  const isCanceling = isPending || job.cancelRequest !== null;
  return (
    <section className="details" aria-label={job.task.description}>
      <header>
        <h2>{job.task.description}</h2>
        {job.endedAt === null && (
          <button disabled={isCanceling} onClick={() => cancelJob(job)}>
            {isCanceling ? "Canceling…" : "Cancel"}
          </button>
        )}
        <button onClick={onClose}>Close</button>
      </header>
      {error && <p role="alert">{error.message}</p>}
      {job.task.message && <p className="hint">{job.task.message}</p>}
      <ul>
        <TaskItem task={job.task} />
      </ul>
    </section>
  );
}

function TaskItem({ task }: { task: WatchedTask }) {
  return (
    <li>
      <span className="name">{task.description}</span>
      <Bar task={task} />
      {task.subTasks.length > 0 && (
        <ul>
          {task.subTasks.map((subTask) => (
            <TaskItem key={subTask.path} task={subTask} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** Without a known volume, a <progress> without a value moves to and fro. */
function Bar({ task: { status, progress, description } }: { task: WatchedTask }) {
  const ratio = status === "FINISHED" ? 1 : (progress.ratio ?? undefined);
  return (
    <span className={`bar ${status.toLowerCase()}`}>
      <progress aria-label={description} value={status === "RUNNING" ? ratio : (ratio ?? 0)} />
      <span className="percent">{status === "RUNNING" ? progress.percent : status.toLowerCase()}</span>
    </span>
  );
}

function ConnectionBadge() {
  const { status, since, error } = useConnection();
  const text = status === "stale" ? `reconnecting, as of ${since?.toLocaleTimeString()}` : status;
  return (
    <span className={`badge ${status}`} role="status" title={error?.message}>
      {text}
    </span>
  );
}

function NoJobs() {
  return (
    <p className="hint">
      No jobs yet. Run one: <code>npx tidemark run -- sh -c &apos;for i in 1 2 3; do echo $i/3; sleep 1; done&apos;</code>
    </p>
  );
}
