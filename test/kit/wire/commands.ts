/** Random mutations over HTTP, as a worker sends them. */
import { applyCommand, refusalOf, type JobCommand } from "../store/job-commands.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import type { ErrorCode } from "../../../src/protocol/error-codes.js";
import {
  graphqlResultOf,
  type GraphqlFailure,
  type GraphqlRequest,
  type HttpConnection,
} from "../network/raw-http.js";
import { DATABASE } from "../store/requests.js";

/**
 * Sends the command over `connection`, or directly to the store if the API does not offer it. @throws
 * unexpected errors
 */
export async function sendCommand(
  connection: HttpConnection,
  store: PerDatabaseTaskStore,
  command: JobCommand,
): Promise<void> {
  const request = requestOf(command);
  if (!request) return void (await applyCommand(store, command));
  const { errors = [] } = graphqlResultOf(await connection.post(request));
  for (const error of errors) refusalOf(asError(error));
}

/** undefined for expiry, which no client can request. */
function requestOf(command: JobCommand): GraphqlRequest | undefined {
  switch (command.kind) {
    case "store": {
      const { username, jobId, spec, onConflict, requestId } = command.request;
      return mutation("storeTask", "StoreTaskInput", { username, jobId, task: spec, onConflict, requestId });
    }
    case "report":
      return mutation("updateTask", "UpdateTaskInput", { ...command.key, ...command.report });
    case "grow": {
      const { specs, ...growth } = command.growth;
      return mutation("addTasks", "AddTasksInput", { ...command.key, ...growth, tasks: specs });
    }
    case "requestCancel": {
      const { attempt, reason } = command.demand;
      return mutation("requestCancel", "RequestCancelInput", { ...command.key, attempt, reason });
    }
    case "remove":
      return mutation("removeTask", "JobInput", { ...command.key, ...command.fence });
    case "purge":
      return {
        query: "mutation ($database: String!) { purgeDatabase(database: $database) { removed } }",
        variables: { database: DATABASE },
      };
    case "expire":
      return undefined;
  }
}

function mutation(field: string, type: string, input: object): GraphqlRequest {
  return {
    query: `mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`,
    variables: { input: { database: DATABASE, ...input } },
  };
}

function asError({ message, extensions }: GraphqlFailure): TidemarkError {
  // Safe: every error of the server has a code, which `refusalOf` checks.
  return new TidemarkError(extensions?.["code"] as ErrorCode, message);
}
