import { memo, useState } from "react";
import {
  useCancelJob,
  useConnection,
  useJob,
  useJobs,
  type WatchedJob,
  type WatchedJobKey,
  type WatchedTask,
} from "tidemark-client/react";

/** All jobs of the database as bars. A click on one opens its tasks. */
export function App() {
  const { data: jobs, isLoading, isStale, error } = useJobs();
  const [openId, setOpenId] = useState<string>();
  return (
    <main className={isStale ? "stale" : ""}>
      <header>
        <h1>Jobs</h1>
        <ConnectionBadge />
      </header>
      {error && <p role="alert">{error.message}</p>}
      {isLoading && <p className="faint">Loading…</p>}
      {!isLoading && !error && jobs.length === 0 && <NoJobs />}
      <ul className="jobs">
        {jobs.map((job) => (
          <JobCard key={job.id} job={job} isOpen={job.id === openId} onOpen={setOpenId} />
        ))}
      </ul>
    </main>
  );
}

interface JobCardProps {
  readonly job: WatchedJob;
  readonly isOpen: boolean;
  readonly onOpen: (id: string | undefined) => void;
}

/** Renders again only if its own job changes: all other jobs stay the same objects. */
const JobCard = memo(function JobCard({ job, isOpen, onOpen }: JobCardProps) {
  return (
    <li className="card">
      <button className="job" aria-expanded={isOpen} onClick={() => onOpen(isOpen ? undefined : job.id)}>
        <span className="name">{job.task.description}</span>
        <span className="faint">
          {job.username} / {job.jobId}
        </span>
        <Bar task={job.task} />
      </button>
      {isOpen && <JobDetails jobKey={job} />}
    </li>
  );
});

/** Takes a key, so that it can be used on a page of its own too. */
function JobDetails({ jobKey }: { readonly jobKey: WatchedJobKey }) {
  const { data: job } = useJob(jobKey);
  const { cancelJob, isPending, error } = useCancelJob();
  if (!job) return null;
  const isCanceling = isPending || job.cancelRequest !== null;
  return (
    <section aria-label={job.task.description}>
      {job.task.message && <p className="faint">{job.task.message}</p>}
      <ul>
        {job.task.subTasks.map((task) => (
          <TaskItem key={task.path} task={task} />
        ))}
      </ul>
      {job.endedAt === null && (
        <button className="cancel" disabled={isCanceling} onClick={() => cancelJob(job)}>
          {isCanceling ? "Canceling…" : "Cancel"}
        </button>
      )}
      {error && <p role="alert">{error.message}</p>}
    </section>
  );
}

function TaskItem({ task }: { readonly task: WatchedTask }) {
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

/** While the volume is unknown, `ratio` is null, and a <progress> without a value moves to and fro. */
function Bar({ task: { status, progress, description } }: { readonly task: WatchedTask }) {
  const isRunning = status === "RUNNING";
  const ratio = status === "FINISHED" ? 1 : (progress.ratio ?? (isRunning ? undefined : 0));
  return (
    <span className={`bar ${status.toLowerCase()}`}>
      <progress aria-label={description} value={ratio} />
      <span className="state">
        {isRunning && ratio !== undefined ? progress.percent : status.toLowerCase()}
      </span>
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
    <p className="faint">
      No jobs yet. Run one:{" "}
      <code>npx tidemark run -- sh -c &apos;for i in 1 2 3; do echo $i/3; sleep 1; done&apos;</code>
    </p>
  );
}
