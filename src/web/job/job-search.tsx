import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { WatchStatus } from "../../client/index.js";
import { FindJobDocument } from "../../client/generated/graphql.js";
import { pushStatusSource } from "../connection-status.js";
import { followLink, linkTo, replaceAddress } from "../location.js";
import { Name } from "../parts/name.js";
import { request } from "../server/session.js";

interface JobSearchProps {
  readonly database: string;
  readonly jobId: string;
}

/** A job whose owner the link does not name. It may not be stored yet: its worker prints the link before its first report. */
export function JobSearch({ database, jobId }: JobSearchProps) {
  useEffect(() => search(database, jobId), [database, jobId]);
  return (
    <main class="quiet-page">
      <h1 class="job-title">
        <Name text={jobId} />
      </h1>
      <p>
        Waiting for this job in <Name text={database} />. The page opens it as soon as it is reported.
      </p>
      <p>
        <a class="link" href={linkTo(LIST)} onClick={(event) => followLink(event, LIST)}>
          All jobs
        </a>
      </p>
    </main>
  );
}

const LIST = { job: undefined };

/** Polls until the job exists, and shows it. Returns a function that stops. */
function search(database: string, jobId: string): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const status = signal<WatchStatus>({ kind: "connecting" });
  const hideStatus = pushStatusSource({ status, close: () => {} });
  const poll = async (): Promise<void> => {
    const answer = document.hidden ? undefined : await findOwner(database, jobId);
    if (isStopped) return;
    if (!document.hidden) status.value = { kind: answer ? "live" : "connecting" };
    const username = answer?.username;
    if (username === undefined) timer = setTimeout(() => void poll(), POLL_MS);
    else replaceAddress({ database, job: { username, jobId } });
  };
  void poll();
  return () => {
    isStopped = true;
    hideStatus();
    clearTimeout(timer);
  };
}

const POLL_MS = 1_000;

interface OwnerAnswer {
  /** The owner of the newest job with this id; undefined if there is none. */
  readonly username: string | undefined;
}

/** Undefined if the server does not answer. */
async function findOwner(database: string, jobId: string): Promise<OwnerAnswer | undefined> {
  try {
    return { username: (await request(FindJobDocument, { database, jobId })).tasks?.nodes[0]?.username };
  } catch {
    return undefined; // the next poll may succeed
  }
}
