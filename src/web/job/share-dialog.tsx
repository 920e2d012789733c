import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ShareJobDocument } from "../../client/generated/graphql.js";
import type { WatchedJob } from "../../client/index.js";
import { shareUrl } from "../../protocol/share-url.js";
import { copyText } from "../parts/copy-text.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { Instant } from "../parts/instant.js";
import { Name } from "../parts/name.js";
import { serverInfo } from "../server/about.js";
import { request, token } from "../server/session.js";
import { knownServers } from "../server/servers.js";

interface ShareDialogProps {
  readonly job: WatchedJob;
  readonly onClose: () => void;
}

/** Makes a link that shows one job. On a server that requires no sign-in, this is the address of the job. */
export function ShareDialog({ job, onClose }: ShareDialogProps) {
  const link = useSignal(token.peek() === undefined ? openLinkTo(job) : undefined);
  const title = (
    <>
      Share <Name text={job.task.description} />
    </>
  );
  return (
    <Dialog name="share" title={title} onClose={onClose}>
      {(close) =>
        link.value ? (
          <LinkView link={link.value} onDone={close} />
        ) : (
          <ExpiryForm job={job} onLink={(made) => (link.value = made)} onCancel={close} />
        )
      }
    </Dialog>
  );
}

interface JobLink {
  readonly url: string;
  /** undefined: it does not expire. */
  readonly expiresAt: string | undefined;
}

interface ExpiryFormProps {
  readonly job: WatchedJob;
  readonly onLink: (link: JobLink) => void;
  readonly onCancel: () => void;
}

function ExpiryForm({ job, onLink, onCancel }: ExpiryFormProps) {
  const failure = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement); // safe: the form's own event
    try {
      onLink(await makeLink(job, Number(form.get("seconds"))));
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <form onSubmit={submit}>
      <p>
        Anyone with the link can read this job and its log, and nothing else. They do not need to sign in.
      </p>
      <label class="field">
        The link works for
        <select name="seconds">
          <option value={3_600}>1 hour</option>
          <option value={86_400} selected>
            1 day
          </option>
          <option value={604_800}>7 days</option>
        </select>
      </label>
      {failure.value && (
        <p class="failure-text" role="alert">
          {failure}
        </p>
      )}
      <footer>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Create link
        </button>
      </footer>
    </form>
  );
}

function LinkView({
  link: { url, expiresAt },
  onDone,
}: {
  readonly link: JobLink;
  readonly onDone: () => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const isCopied = useSignal(false);
  useEffect(() => {
    field.current!.focus();
    field.current!.select();
  }, []);
  const copy = async (): Promise<void> => {
    await copyText(url);
    isCopied.value = true;
  };
  return (
    <>
      <p>
        {expiresAt === undefined ? (
          "This server requires no sign-in: anyone who can reach it can open this link."
        ) : (
          <>
            Anyone with this link can read the job until <Instant at={expiresAt} />. The link is shown only
            once.
          </>
        )}
      </p>
      <label class="field">
        Link
        <input ref={field} readOnly value={url} />
      </label>
      <footer>
        <span class="hint" role="status">
          {isCopied.value && "Copied"}
        </span>
        <button type="button" onClick={onDone}>
          Close
        </button>
        <button type="button" class="primary" onClick={copy}>
          <Icon shape={isCopied.value ? "check" : "copy"} />
          Copy link
        </button>
      </footer>
    </>
  );
}

async function makeLink(job: WatchedJob, expiresInSeconds: number): Promise<JobLink> {
  const { database, username, jobId } = job;
  const input = { database, username, jobId, expiresInSeconds };
  const { shareJob } = await request(ShareJobDocument, { input });
  return { url: urlOf(job, shareJob!.token), expiresAt: shareJob!.expiresAt }; // null would be an error
}

function openLinkTo(job: WatchedJob): JobLink {
  return { url: urlOf(job, ""), expiresAt: undefined };
}

/** Behind a proxy, the address of this page is more exact than the address that the server sees. */
function urlOf(job: WatchedJob, jobToken: string): string {
  return shareUrl(serverInfo.peek()?.publicUrl ?? knownServers.peek()[0]!, job, jobToken);
}
