import { useSignal } from "@preact/signals";
import { CancelJobDocument, RemoveJobDocument } from "../../client/generated/graphql.js";
import type { WatchedJob } from "../../client/index.js";
import { navigate } from "../location.js";
import { Name } from "../parts/name.js";
import { request } from "../server/session.js";
import { ConfirmDialog } from "./confirm-dialog.js";

/** What can be done to a job: ask its worker to stop, and forget it. */
export function JobActions({ job }: { readonly job: WatchedJob }) {
  const asked = useSignal<"cancel" | "remove" | undefined>(undefined);
  const close = (): void => void (asked.value = undefined);
  const canCancel = job.endedAt === null && job.cancelRequest === null;
  return (
    <div class="job-actions">
      {canCancel && (
        <button type="button" onClick={() => (asked.value = "cancel")}>
          Cancel…
        </button>
      )}
      <button type="button" onClick={() => (asked.value = "remove")}>
        Remove…
      </button>
      {asked.value === "cancel" && <CancelDialog job={job} onClose={close} />}
      {asked.value === "remove" && <RemoveDialog job={job} onClose={close} />}
    </div>
  );
}

interface DialogProps {
  readonly job: WatchedJob;
  readonly onClose: () => void;
}

function CancelDialog({ job, onClose }: DialogProps) {
  const cancel = async (form: FormData): Promise<void> => {
    const reason = String(form.get("reason") ?? "").trim();
    await request(CancelJobDocument, { input: { ...keyOf(job), ...(reason && { reason }) } });
  };
  return (
    <ConfirmDialog
      title={<Question verb="Cancel" job={job} />}
      action="Cancel the job"
      error="Let it run"
      onConfirm={cancel}
      onClose={onClose}
    >
      <p>Its worker is asked to stop. The job is canceled once the worker has done so.</p>
      <label class="field">
        Why (others see it)
        <input name="reason" autocomplete="off" maxLength={500} />
      </label>
    </ConfirmDialog>
  );
}

function RemoveDialog({ job, onClose }: DialogProps) {
  const remove = async (): Promise<void> => {
    await request(RemoveJobDocument, { input: keyOf(job) });
    navigate({ job: undefined });
  };
  return (
    <ConfirmDialog
      title={<Question verb="Remove" job={job} />}
      action="Remove the job"
      error="Keep it"
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        The server forgets it, with its log, at once and for everybody.
        {job.endedAt === null && " Its worker is not told to stop; what it goes on to report is refused."}
      </p>
    </ConfirmDialog>
  );
}

function Question({ verb, job }: { readonly verb: string; readonly job: WatchedJob }) {
  return (
    <>
      {verb} <Name text={job.task.description} /> (<Name text={job.jobId} /> of <Name text={job.username} />
      )?
    </>
  );
}

/** With the attempt: one that came meanwhile is not meant. */
function keyOf({ database, username, jobId, attempt }: WatchedJob) {
  return { database, username, jobId, attempt };
}
