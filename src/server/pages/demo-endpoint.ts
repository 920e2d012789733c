import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../../auth/caller.js";
import { authorize } from "../../auth/rights.js";
import { DEMO_JOB, type DemoWorker } from "../../demo/demo-worker.js";
import type { Pipeline } from "../../graphql/pipeline/pipeline.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { answerJson, isJson } from "../http/json-response.js";
import { statusOfCode } from "../http/json-answer.js";
import { requestIdOf } from "../http/request-id.js";

/**
 * `POST /demo`: starts the demonstration job and returns its key, with status 201, or 200 if it already runs. Not in the
 * schema: it serves a button of the dashboard.
 *
 *     curl -X POST http://127.0.0.1:4000/demo -H 'content-type: application/json' -d '{}'
 */
export async function answerDemo(
  { demonstration, pipeline, caller }: DemoRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reject = (status: number, error: unknown): void =>
    answerJson(response, status, pipeline.reject(error, requestIdOf(request)));
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST");
    return reject(
      405,
      new TidemarkError("BAD_USER_INPUT", "Method not allowed: start the demonstration job with a POST."),
    );
  }
  if (!isJson(request.headers["content-type"])) {
    return reject(
      415,
      new TidemarkError("BAD_USER_INPUT", "Unsupported Content-Type: POST /demo requires application/json."),
    );
  }
  try {
    authorize("report", DEMO_JOB, caller.rights);
  } catch (error) {
    return reject(403, error);
  }
  try {
    const { userTask, isNew } = await demonstration.start();
    const { database, username, jobId, attempt } = userTask;
    answerJson(response, isNew ? 201 : 200, { database, username, jobId, attempt });
  } catch (error) {
    const rejection = pipeline.reject(error, requestIdOf(request));
    answerJson(response, statusOfCode(rejection.errors[0]?.extensions["code"]), rejection);
  }
}

export interface DemoRequest {
  readonly demonstration: DemoWorker;
  readonly pipeline: Pipeline;
  readonly caller: Caller;
}
