import { useSignal } from "@preact/signals";
import { CancelJobDocument, RemoveJobDocument } from "../../client/generated/graphql.js";
import type { WatchedJob } from "../../client/index.js";
import { navigate } from "../location.js";
import { Name } from "../parts/name.js";
import { mayChangeJobsOf, serverInfo } from "../server/about.js";
import { request } from "../server/session.js";
import { ConfirmDialog } from "./confirm-dialog.js";
import { cutToBytes } from "./cut-to-bytes.js";
import { ShareDialog } from "./share-dialog.js";

/** The buttons that share, cancel and remove a job, for users who may do so. */
export function JobActions({ job }: { readonly job: WatchedJob }) {
  const dialog = useSignal<"share" | "cancel" | "remove" | undefined>(undefined);
  const close = (): void => void (dialog.value = undefined);
  if (!mayChangeJobsOf(job.username)) return null;
  const canCancel = job.endedAt === null && job.cancelRequest === null;
  return (
    <div class="job-actions">
      <button type="button" onClick={() => (dialog.value = "share")}>
        Share…
      </button>
      {canCancel && (
        <button type="button" onClick={() => (dialog.value = "cancel")}>
          Cancel…
        </button>
      )}
      <button type="button" onClick={() => (dialog.value = "remove")}>
        Remove…
      </button>
      {dialog.value === "share" && <ShareDialog job={job} onClose={close} />}
      {dialog.value === "cancel" && <CancelDialog job={job} onClose={close} />}
      {dialog.value === "remove" && <RemoveDialog job={job} onClose={close} />}
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
      confirmLabel="Cancel the job"
      cancelLabel="Let it run"
      onConfirm={cancel}
      onClose={onClose}
    >
      <p>This asks the worker to stop. The job is canceled once the worker has stopped.</p>
      <label class="field">
        Reason (visible to others)
        <input name="reason" autocomplete="off" maxLength={REASON_LENGTH_MAX} onInput={cutReason} />
      </label>
    </ConfirmDialog>
  );
}

const REASON_LENGTH_MAX = 500;

/** Keeps the reason within the bytes that the server accepts. */
function cutReason({
  currentTarget: input,
}: InputEvent & { readonly currentTarget: HTMLInputElement }): void {
  const bytesMax = serverInfo.peek()?.limits.messageTextBytesMax ?? Infinity;
  const cut = cutToBytes(input.value, Math.min(bytesMax, 3 * REASON_LENGTH_MAX));
  if (cut !== input.value) input.value = cut;
}

function RemoveDialog({ job, onClose }: DialogProps) {
  const remove = async (): Promise<void> => {
    await request(RemoveJobDocument, { input: keyOf(job) });
    navigate({ job: undefined });
  };
  return (
    <ConfirmDialog
      title={<Question verb="Remove" job={job} />}
      confirmLabel="Remove the job"
      cancelLabel="Keep it"
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        The server deletes the job and its log immediately, for all users.
        {job.endedAt === null && " The worker keeps running, but the server rejects its reports."}
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

/** Includes the attempt, so that a newer one is left alone. */
function keyOf({ database, username, jobId, attempt }: WatchedJob) {
  return { database, username, jobId, attempt };
}
