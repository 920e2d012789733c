import type { ComponentChildren } from "preact";
import type { WatchedJob } from "../../client/index.js";
import { bytesText, exactCount } from "../../format/numbers.js";
import { Instant } from "../parts/instant.js";
import { Name } from "../parts/name.js";

export function JobDetails({ job }: { readonly job: WatchedJob }) {
  const { task, memory } = job;
  return (
    <section class="panel details" aria-labelledby="details-title">
      <header>
        <h2 id="details-title">Details</h2>
      </header>
      <dl>
        <Detail name="Job">
          <Name text={job.jobId} />
        </Detail>
        <Detail name="User">
          <Name text={job.username} />
        </Detail>
        <Detail name="Database">
          <Name text={job.database} />
        </Detail>
        <Detail name="Attempt">{exactCount(job.attempt)}</Detail>
        <InstantDetail name="Stored" instant={job.storedAt} />
        <InstantDetail name="Started" instant={task.startedAt} />
        <InstantDetail name="Ended" instant={job.endedAt} />
        <InstantDetail name="Last report" instant={job.reportedAt} />
        <InstantDetail name="Expires" instant={job.expiresAt} />
        {memory && (
          <Detail name="Memory">
            {memory.minBytes === memory.maxBytes
              ? bytesText(memory.minBytes)
              : `${bytesText(memory.minBytes)} to ${bytesText(memory.maxBytes)}`}
          </Detail>
        )}
        {task.maxConcurrency !== null && (
          <Detail name="Concurrency">{exactCount(task.maxConcurrency)}</Detail>
        )}
        <Detail name="Changes">{exactCount(job.version)}</Detail>
      </dl>
    </section>
  );
}

function InstantDetail({ name, instant }: { readonly name: string; readonly instant: string | null }) {
  return instant === null ? null : (
    <Detail name={name}>
      <Instant at={instant} />
    </Detail>
  );
}

function Detail({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
