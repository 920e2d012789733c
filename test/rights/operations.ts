/** One operation on a job for each root field of the schema, and a summary of its answer. */
import type { GraphqlResult, GraphqlRequest } from "../kit/network/raw-http.js";

export interface JobName {
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
}

export interface RootField {
  ask(job: JobName): GraphqlRequest;
  /** Summarizes in one word what the answers reveal about the job. */
  show(data: Data, job: JobName, all: readonly Data[]): string;
  /** For subscriptions: whether this event is the last one to wait for. */
  readonly isLast?: (data: Data) => boolean;
}

// eslint-disable-next-line typescript/no-explicit-any -- each row below knows the shape of its own document
type Data = any;

/** The code of the first error, or else the field's summary. */
export function summaryOf(field: RootField, job: JobName, answers: readonly GraphqlResult[]): string {
  const last = answers.at(-1)!;
  const code = last.errors?.[0]?.extensions?.["code"];
  if (code !== undefined) return code === "UNAUTHENTICATED" ? "-" : String(code);
  return field.show(
    last.data,
    job,
    answers.map(({ data }) => data),
  );
}

export const ROOT_FIELDS: Readonly<Record<string, RootField>> = {
  "Query.server": {
    ask: () => requestOf("{ server { version limits { name value } } }", {}),
    show: ({ server }) => (server.version !== "" && server.limits.length > 0 ? "limits" : "none"),
  },
  "Query.node": {
    ask: (job) => requestOf("query ($id: ID!) { node(id: $id) { id } }", { id: idOf(job) }),
    show: ({ node }) => jobOrNull(node),
  },
  "Query.nodes": {
    ask: (job) => requestOf("query ($id: ID!) { nodes(ids: [$id]) { id } }", { id: idOf(job) }),
    show: ({ nodes }) => jobOrNull(nodes[0]),
  },
  "Query.databases": {
    ask: (job) =>
      requestOf(
        "query ($username: String!) { databases { name usernames taskCount(username: $username) } }",
        job,
      ),
    show: ({ databases }, { database, username }) => countIn(find(databases, database), username),
  },
  "Query.database": {
    ask: (job) =>
      requestOf(
        "query ($database: String!, $username: String!) { database(name: $database) { usernames taskCount(username: $username) } }",
        job,
      ),
    show: ({ database }, { username }) => countIn(database, username),
  },
  "Query.taskCount": {
    ask: (job) =>
      requestOf(
        "query ($database: String!, $username: String!) { taskCount(database: $database, username: $username) }",
        job,
      ),
    show: ({ taskCount }) => String(taskCount),
  },
  "Query.tasks": {
    ask: (job) =>
      requestOf(
        "query ($database: String!) { tasks(database: $database) { nodes { username jobId } totalCount pageInfo { hasNextPage hasPreviousPage } } }",
        job,
      ),
    show: ({ tasks }, job) => `${tasks.nodes.some(isOf(job)) ? "job" : "none"}/${tasks.totalCount}`,
  },
  "Query.task": {
    ask: (job) => requestOf(`query (${KEY}) { task(${BY_KEY}) { jobId } }`, job),
    show: ({ task }) => jobOrNull(task),
  },
  "Query.listProgress": {
    ask: (job) =>
      requestOf(
        "query ($database: String!, $jobId: ID!) { listProgress(database: $database, jobId: $jobId) { jobId } }",
        job,
      ),
    show: ({ listProgress }) => (listProgress.length > 0 ? "job" : "none"),
  },
  "Mutation.storeTask": {
    ask: (job) =>
      requestOf("mutation ($input: StoreTaskInput!) { storeTask(input: $input) { userTask { jobId } } }", {
        input: { ...job, task: { description: "t" } },
      }),
    show: ({ storeTask }) => jobOrNull(storeTask.userTask),
  },
  "Mutation.updateTask": {
    ask: (job) =>
      requestOf("mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { jobId } } }", {
        input: { ...job, updates: [{ path: "0", done: 1 }] },
      }),
    show: ({ updateTask }) => jobOrNull(updateTask.userTask),
  },
  "Mutation.updateTasks": {
    ask: (job) =>
      requestOf(
        "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { jobId } error { code } } }",
        {
          inputs: [{ ...job, updates: [{ path: "0", done: 1 }] }],
        },
      ),
    show: ({ updateTasks: [{ userTask, error }] }) => error?.code ?? jobOrNull(userTask),
  },
  "Mutation.addTasks": {
    ask: (job) =>
      requestOf("mutation ($input: AddTasksInput!) { addTasks(input: $input) { userTask { jobId } } }", {
        input: { ...job, path: "", tasks: [{ description: "more" }] },
      }),
    show: ({ addTasks }) => jobOrNull(addTasks.userTask),
  },
  "Mutation.removeTask": {
    ask: (job) =>
      requestOf("mutation ($input: JobInput!) { removeTask(input: $input) { userTask { jobId } } }", {
        input: job,
      }),
    show: ({ removeTask }) => jobOrNull(removeTask.userTask),
  },
  "Mutation.requestCancel": {
    ask: (job) =>
      requestOf(
        "mutation ($input: RequestCancelInput!) { requestCancel(input: $input) { userTask { jobId } } }",
        { input: job },
      ),
    show: ({ requestCancel }) => jobOrNull(requestCancel.userTask),
  },
  "Mutation.shareJob": {
    ask: (job) =>
      requestOf("mutation ($input: ShareJobInput!) { shareJob(input: $input) { url token } }", {
        input: job,
      }),
    show: ({ shareJob: { url, token } }, { jobId }) =>
      url.endsWith(`job=${jobId}#token=${token}`) ? "link" : url,
  },
  "Mutation.purgeDatabase": {
    ask: (job) =>
      requestOf("mutation ($database: String!) { purgeDatabase(database: $database) { removed } }", job),
    show: ({ purgeDatabase }) => String(purgeDatabase.removed),
  },
  "Mutation.deleteDatabase": {
    ask: (job) =>
      requestOf("mutation ($database: String!) { deleteDatabase(database: $database) { deleted } }", job),
    show: ({ deleteDatabase }) => String(deleteDatabase.deleted),
  },
  "Subscription.taskEvents": {
    ask: (job) =>
      requestOf(
        "subscription ($database: String!) { taskEvents(database: $database) { kind: __typename ... on TaskStored { userTask { username jobId } } } }",
        job,
      ),
    isLast: ({ taskEvents }) => taskEvents.kind === "CaughtUp",
    show: (_, job, all) => {
      const stored = all.flatMap(({ taskEvents }) => taskEvents.userTask ?? []);
      return `${stored.some(isOf(job)) ? "job" : "none"}/${stored.length}`;
    },
  },
  "Subscription.task": {
    ask: (job) => requestOf(`subscription (${KEY}) { task(${BY_KEY}) { jobId } }`, job),
    show: ({ task }) => jobOrNull(task),
  },
  "Subscription.taskCount": {
    ask: (job) =>
      requestOf(
        "subscription ($database: String!, $username: String!) { taskCount(database: $database, username: $username) }",
        job,
      ),
    show: ({ taskCount }) => String(taskCount),
  },
  "Subscription.cancelRequests": {
    ask: (job) =>
      requestOf(
        "subscription ($database: String!) { cancelRequests(database: $database) { username jobId } }",
        job,
      ),
    show: ({ cancelRequests }, job) =>
      `${cancelRequests.some(isOf(job)) ? "job" : "none"}/${cancelRequests.length}`,
  },
};

const KEY = "$database: String!, $username: String!, $jobId: ID!";
const BY_KEY = "database: $database, username: $username, jobId: $jobId";

/** The server ignores variables that a document does not use. */
function requestOf(query: string, variables: object): GraphqlRequest {
  return { query, variables: { ...variables } };
}

function idOf({ database, username, jobId }: JobName): string {
  return Buffer.from(JSON.stringify([database, username, jobId])).toString("base64url");
}

function jobOrNull(found: unknown): string {
  return found ? "job" : "null";
}

function isOf({ username, jobId }: JobName): (job: JobName) => boolean {
  return (job) => job.username === username && job.jobId === jobId;
}

function find(databases: readonly { readonly name: string }[], name: string): Data {
  return databases.find((database) => database.name === name);
}

/** The count must be consistent with the list of users. */
function countIn(
  database: { usernames: string[]; taskCount: number } | null | undefined,
  username: string,
): string {
  if (!database) return "null";
  const isListed = database.usernames.includes(username);
  return isListed === database.taskCount > 0 ? String(database.taskCount) : "contradiction";
}
