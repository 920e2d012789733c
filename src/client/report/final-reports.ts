import {
  GrowJobDocument,
  ReportJobsDocument,
  StoreJobDocument,
  type UpdateTaskInput,
} from "../generated/graphql.js";
import type { JobSync } from "./job-sync.js";
import type { ClientDocument, HttpTransport } from "../transport/http-transport.js";

/** Of all that a page says last, of 64 kB that a browser takes. */
const FINAL_BYTES_MAX = 60_000;

/**
 * Says what was not answered, as the page may be gone in a moment; beside what is on its way, which may go with the
 * page. Nobody waits for an answer; where the page stays, all is said again, which does no harm.
 */
export function sendFinalReports(outboxes: ReadonlySet<JobSync>, transport: HttpTransport): void {
  const say = <Data, Variables>(document: ClientDocument<Data, Variables>, variables: Variables): void => {
    const answer = transport.request(document, variables, { keepalive: true });
    void answer.catch(() => {}); // it is said again while the page lives
  };
  const inputs = fitting([...outboxes].flatMap((outbox) => outbox.takeFinalReports()));
  if (inputs.length > 0) say(ReportJobsDocument, { inputs });
  for (const outbox of outboxes) {
    if (outbox.needsStore) say(StoreJobDocument, { input: outbox.takeStoreRequest() });
    if (outbox.hasTasksToAdd) say(GrowJobDocument, { input: outbox.takeAddTasksRequest() });
  }
}

/** The first of them, as many as a page that is left may still send. */
function fitting(inputs: readonly UpdateTaskInput[]): UpdateTaskInput[] {
  let room = FINAL_BYTES_MAX;
  return inputs.filter((input) => (room -= new TextEncoder().encode(JSON.stringify(input)).length) >= 0);
}
