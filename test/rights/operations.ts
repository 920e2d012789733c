/** One operation for each root field of the schema, about one job; and what of its answer is looked at. */
import type { GraphqlResult, GraphqlRequest } from "../kit/network/raw-http.js";

export interface JobName {
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
}

export interface RootField {
  ask(job: JobName): GraphqlRequest;
  /** What the answers say of the job, in a word. */
  show(data: Data, job: JobName, all: readonly Data[]): string;
  /** Of a subscription: whether nothing more need be waited for. */
  readonly isLast?: (data: Data) => boolean;
}

/** Trusted: the documents are here. */
// eslint-disable-next-line typescript/no-explicit-any -- what is in it is looked at by who has written the document
type Data = any;

/** The first error's code, or what the field's row says of the answers. */
export function shown(field: RootField, job: JobName, answers: readonly GraphqlResult[]): string {
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
  "Query.node": {
    ask: (job) => asked("query ($id: ID!) { node(id: $id) { id } }", { id: idOf(job) }),
    show: ({ node }) => jobOrNull(node),
  },
  "Query.nodes": {
    ask: (job) => asked("query ($id: ID!) { nodes(ids: [$id]) { id } }", { id: idOf(job) }),
    show: ({ nodes }) => jobOrNull(nodes[0]),
  },
  "Query.databases": {
    ask: (job) =>
      asked(
        "query ($username: String!) { databases { name usernames taskCount(username: $username) } }",
        job,
      ),
    show: ({ databases }, { database, username }) => countIn(find(databases, database), username),
  },
  "Query.database": {
    ask: (job) =>
      asked(
        "query ($database: String!, $username: String!) { database(name: $database) { usernames taskCount(username: $username) } }",
        job,
      ),
    show: ({ database }, { username }) => countIn(database, username),
  },
  "Query.taskCount": {
    ask: (job) =>
      asked(
        "query ($database: String!, $username: String!) { taskCount(database: $database, username: $username) }",
        job,
      ),
    show: ({ taskCount }) => String(taskCount),
  },
  "Query.tasks": {
    ask: (job) =>
      asked(
        "query ($database: String!) { tasks(database: $database) { nodes { username jobId } totalCount pageInfo { hasNextPage hasPreviousPage } } }",
        job,
      ),
    show: ({ tasks }, job) => `${tasks.nodes.some(isOf(job)) ? "job" : "none"}/${tasks.totalCount}`,
  },
  "Query.task": {
    ask: (job) => asked(`query (${KEY}) { task(${BY_KEY}) { jobId } }`, job),
    show: ({ task }) => jobOrNull(task),
  },
  "Query.listProgress": {
    ask: (job) =>
      asked(
        "query ($database: String!, $jobId: ID!) { listProgress(database: $database, jobId: $jobId) { jobId } }",
        job,
      ),
    show: ({ listProgress }) => (listProgress.length > 0 ? "job" : "none"),
  },
  "Mutation.storeTask": {
    ask: (job) =>
      asked("mutation ($input: StoreTaskInput!) { storeTask(input: $input) { userTask { jobId } } }", {
        input: { ...job, task: { description: "t" } },
      }),
    show: ({ storeTask }) => jobOrNull(storeTask.userTask),
  },
  "Mutation.updateTask": {
    ask: (job) =>
      asked("mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { jobId } } }", {
        input: { ...job, updates: [{ path: "0", done: 1 }] },
      }),
    show: ({ updateTask }) => jobOrNull(updateTask.userTask),
  },
  "Mutation.updateTasks": {
    ask: (job) =>
      asked(
        "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { jobId } error { code } } }",
        {
          inputs: [{ ...job, updates: [{ path: "0", done: 1 }] }],
        },
      ),
    show: ({ updateTasks: [{ userTask, error }] }) => error?.code ?? jobOrNull(userTask),
  },
  "Mutation.addTasks": {
    ask: (job) =>
      asked("mutation ($input: AddTasksInput!) { addTasks(input: $input) { userTask { jobId } } }", {
        input: { ...job, path: "", tasks: [{ description: "more" }] },
      }),
    show: ({ addTasks }) => jobOrNull(addTasks.userTask),
  },
  "Mutation.removeTask": {
    ask: (job) =>
      asked("mutation ($input: JobInput!) { removeTask(input: $input) { userTask { jobId } } }", {
        input: job,
      }),
    show: ({ removeTask }) => jobOrNull(removeTask.userTask),
  },
  "Mutation.requestCancel": {
    ask: (job) =>
      asked(
        "mutation ($input: RequestCancelInput!) { requestCancel(input: $input) { userTask { jobId } } }",
        { input: job },
      ),
    show: ({ requestCancel }) => jobOrNull(requestCancel.userTask),
  },
  "Mutation.purgeDatabase": {
    ask: (job) =>
      asked("mutation ($database: String!) { purgeDatabase(database: $database) { removed } }", job),
    show: ({ purgeDatabase }) => String(purgeDatabase.removed),
  },
  "Subscription.taskEvents": {
    ask: (job) =>
      asked(
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
    ask: (job) => asked(`subscription (${KEY}) { task(${BY_KEY}) { jobId } }`, job),
    show: ({ task }) => jobOrNull(task),
  },
  "Subscription.taskCount": {
    ask: (job) =>
      asked(
        "subscription ($database: String!, $username: String!) { taskCount(database: $database, username: $username) }",
        job,
      ),
    show: ({ taskCount }) => String(taskCount),
  },
  "Subscription.cancelRequests": {
    ask: (job) =>
      asked(
        "subscription ($database: String!) { cancelRequests(database: $database) { username jobId } }",
        job,
      ),
    show: ({ cancelRequests }, job) =>
      `${cancelRequests.some(isOf(job)) ? "job" : "none"}/${cancelRequests.length}`,
  },
};

const KEY = "$database: String!, $username: String!, $jobId: ID!";
const BY_KEY = "database: $database, username: $username, jobId: $jobId";

/** Variables that a document has no use for are no harm. */
function asked(query: string, variables: object): GraphqlRequest {
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

/** The count must agree with whether the user is named. */
function countIn(
  database: { usernames: string[]; taskCount: number } | null | undefined,
  username: string,
): string {
  if (!database) return "null";
  const isNamed = database.usernames.includes(username);
  return isNamed === database.taskCount > 0 ? String(database.taskCount) : "contradiction";
}
