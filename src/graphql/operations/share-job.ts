import { narrowFilter, scopeOf } from "../../auth/rights.js";
import { SHARE_LIFE } from "../../protocol/share-life.js";
import { shareUrl } from "../../protocol/share-url.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { OperationContext } from "../context.js";
import type { ShareJobInputType } from "../types/inputs.js";
import type { ShareJobPayloadType } from "../types/payloads.js";
import { parseJobAddress, type JobAddress } from "./job-arguments.js";
import { checkRange } from "./ranges.js";

type ShareJobInput = typeof ShareJobInputType.$inferInput;
type ShareJobPayload = typeof ShareJobPayloadType.$inferType;

/** Makes a link to a job. @throws TidemarkError as `Authenticator.shareJob`, BAD_USER_INPUT, FORBIDDEN, NOT_FOUND */
export async function shareJob(input: ShareJobInput, context: OperationContext): Promise<ShareJobPayload> {
  const job = parseJobAddress(input, context);
  const seconds = input.expiresInSeconds ?? SHARE_LIFE.defaultSeconds;
  checkRange("expiresInSeconds", seconds, SHARE_LIFE.minSeconds, SHARE_LIFE.maxSeconds);
  await requireVisible(job, context);
  const { services, caller, serverUrl } = context;
  const { limits, authenticator, publicUrl } = services;
  const { username } = caller;
  const share = await authenticator.shareJob({ job, username, lifeMs: seconds * 1_000, limits });
  return { ...share, url: shareUrl(publicUrl || serverUrl, job, share.token) };
}

/** @throws TidemarkError NOT_FOUND if there is no such job for the caller; FORBIDDEN if it may only read the job. */
async function requireVisible(job: JobAddress, { caller, writer }: OperationContext): Promise<void> {
  const scope = scopeOf(job.database, caller.rights);
  const store = scope && narrowFilter(job, scope) && (await writer.find("share", job));
  if (!store?.get(job)) throw notFound(job);
}

function notFound({ database, username, jobId }: JobAddress): TidemarkError {
  return new TidemarkError(
    "NOT_FOUND",
    `User ${JSON.stringify(username)} has no job ${JSON.stringify(jobId)} in the database ${JSON.stringify(database)}. Check the names.`,
  );
}
