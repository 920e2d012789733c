import {
  GrowJobDocument,
  ReportJobsDocument,
  StoreJobDocument,
  type UpdateTaskInput,
} from "../generated/graphql.js";
import type { ClientLimits } from "../../protocol/client-limits.js";
import { jsonBytes, variablesBytesMax } from "../transport/server-limits.js";
import { inputsWithin } from "./report-batch.js";
import type { JobSync } from "./job-sync.js";
import type { ClientDocument, HttpTransport } from "../transport/http-transport.js";

/** A browser lets requests of at most 64 kB in total outlive the page. */
const FINAL_BYTES_MAX = 60_000;

/**
 * Sends everything unacknowledged, because the page may be about to close and requests in flight may die with it. If
 * the page stays, the same reports are sent again, which is safe because they are idempotent.
 */
export function sendFinalReports(
  jobs: ReadonlySet<JobSync>,
  transport: HttpTransport,
  limits: ClientLimits,
): void {
  const send = <Data, Variables>(document: ClientDocument<Data, Variables>, variables: Variables): void => {
    const response = transport.request(document, variables, { keepalive: true, isRepeatable: true });
    void response.catch(() => {}); // retried while the page lives
  };
  const inputs = cutToLimit(
    [...jobs].flatMap((job) => job.takeFinalReports()),
    limits,
  );
  const inputsMax = inputsWithin(limits, inputs.length);
  for (let from = 0; from < inputs.length; from += inputsMax)
    send(ReportJobsDocument, { inputs: inputs.slice(from, from + inputsMax) });
  for (const job of jobs) {
    if (job.needsStore) send(StoreJobDocument, { input: job.takeStoreRequest() });
    if (job.hasTasksToAdd) send(GrowJobDocument, { input: job.takeAddTasksRequest() });
  }
}

function cutToLimit(inputs: readonly UpdateTaskInput[], limits: ClientLimits): UpdateTaskInput[] {
  let bytesLeft = Math.min(FINAL_BYTES_MAX, variablesBytesMax(limits));
  return inputs.filter((input) => (bytesLeft -= jsonBytes(input)) >= 0);
}
