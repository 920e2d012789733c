import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../../auth/caller.js";
import { authorize } from "../../auth/rights.js";
import { DEMO_JOB, type DemoWorker } from "../../demo/demo-worker.js";
import type { Pipeline } from "../../graphql/pipeline/pipeline.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { answerJson, isJson } from "../http/json-response.js";
import { statusOfCode } from "../http/json-post-handler.js";

/**
 * `POST /demo`: begins the demonstration job and answers which job that is: 201, or 200 for the one that runs. Not in
 * the schema, as it is a button of the dashboard.
 *
 *     curl -X POST http://127.0.0.1:4000/demo -H 'content-type: application/json' -d '{}'
 */
export async function answerDemo(
  { demonstration, pipeline, caller }: DemoRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refuse = (status: number, error: unknown): void =>
    answerJson(response, status, pipeline.reject(error));
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST");
    return refuse(405, new TidemarkError("BAD_USER_INPUT", "The demonstration job is begun by POST."));
  }
  if (!isJson(request.headers["content-type"])) {
    return refuse(415, new TidemarkError("BAD_USER_INPUT", "Send a body of Content-Type: application/json."));
  }
  try {
    authorize("report", DEMO_JOB, caller.rights);
  } catch (error) {
    return refuse(403, error);
  }
  try {
    const { userTask, isNew } = await demonstration.start();
    const { database, username, jobId, attempt } = userTask;
    answerJson(response, isNew ? 201 : 200, { database, username, jobId, attempt });
  } catch (error) {
    const refusal = pipeline.reject(error);
    answerJson(response, statusOfCode(refusal.errors[0]?.extensions["code"]), refusal);
  }
}

export interface DemoRequest {
  readonly demonstration: DemoWorker;
  readonly pipeline: Pipeline;
  /** Who asks for it, and may report the demonstration job. */
  readonly caller: Caller;
}
