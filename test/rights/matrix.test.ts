/**
 * Law 13 in full: every root field of the schema, for every kind of caller, over each transport. The job is the caller's
 * own, another user's, or in another database. `-` is UNAUTHENTICATED and `no` is FORBIDDEN. Other cells are what the
 * answer reveals about the job: that it exists, or a count; after a slash, the number of listed jobs.
 *
 * Alice and Bob each have a job in one database; Alice has another one in a second. Viewer and reporter are Alice's tokens
 * for the first database. Admin covers the first database, root all of them. Share shows Alice's job in the first.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Username, DatabaseName, JobId } from "../../src/tasks/names.js";
import { schema } from "../../src/graphql/schema.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { branch, leaf } from "../kit/store/edits.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { storeRequestOf } from "../kit/store/requests.js";
import { Tokens } from "../kit/server/tokens.js";
import { ROOT_FIELDS, summaryOf, type JobName } from "./operations.js";
import { ENTRY_POINTS, type EntryPoint } from "./entry-points.js";

const JOBS = {
  own: { database: "movies", username: "alice", jobId: "a" },
  other: { database: "movies", username: "bob", jobId: "b" },
  elsewhere: { database: "secret", username: "alice", jobId: "c" },
} as const satisfies Record<string, JobName>;

const MATRIX = table(`
                                   none  viewer  reporter  admin  share  root
  Query.server            own      -     limits  limits    limits limits limits
  Query.server            other    -     limits  limits    limits limits limits
  Query.server            elsewhere -    limits  limits    limits limits limits
  Query.node              own      -     job     job       job    job    job
  Query.node              other    -     null    null      job    null   job
  Query.node              elsewhere -    null    null      null   null   job
  Query.nodes             own      -     job     job       job    job    job
  Query.nodes             other    -     null    null      job    null   job
  Query.nodes             elsewhere -    null    null      null   null   job
  Query.databases         own      -     1       1         1      1      1
  Query.databases         other    -     0       0         1      0      1
  Query.databases         elsewhere -    null    null      null   null   1
  Query.database          own      -     1       1         1      1      1
  Query.database          other    -     0       0         1      0      1
  Query.database          elsewhere -    null    null      null   null   1
  Query.taskCount         own      -     1       1         1      1      1
  Query.taskCount         other    -     0       0         1      0      1
  Query.taskCount         elsewhere -    0       0         0      0      1
  Query.tasks             own      -     job/1   job/1     job/2  job/1  job/2
  Query.tasks             other    -     none/1  none/1    job/2  none/1 job/2
  Query.tasks             elsewhere -    none/0  none/0    none/0 none/0 job/1
  Query.task              own      -     job     job       job    job    job
  Query.task              other    -     null    null      job    null   job
  Query.task              elsewhere -    null    null      null   null   job
  Query.listProgress      own      -     job     job       job    job    job
  Query.listProgress      other    -     NOT_FOUND NOT_FOUND job  NOT_FOUND job
  Query.listProgress      elsewhere -    NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND job
  Mutation.storeTask      own      -     no      job       job    no     job
  Mutation.storeTask      other    -     no      no        job    no     job
  Mutation.storeTask      elsewhere -    no      no        no     no     job
  Mutation.updateTask     own      -     no      job       job    no     job
  Mutation.updateTask     other    -     no      no        job    no     job
  Mutation.updateTask     elsewhere -    no      no        no     no     job
  Mutation.updateTasks    own      -     no      job       job    no     job
  Mutation.updateTasks    other    -     no      no        job    no     job
  Mutation.updateTasks    elsewhere -    no      no        no     no     job
  Mutation.addTasks       own      -     no      job       job    no     job
  Mutation.addTasks       other    -     no      no        job    no     job
  Mutation.addTasks       elsewhere -    no      no        no     no     job
  Mutation.removeTask     own      -     no      job       job    no     job
  Mutation.removeTask     other    -     no      no        job    no     job
  Mutation.removeTask     elsewhere -    no      no        no     no     job
  Mutation.requestCancel  own      -     no      job       job    no     job
  Mutation.requestCancel  other    -     no      no        job    no     job
  Mutation.requestCancel  elsewhere -    no      no        no     no     job
  Mutation.shareJob       own      -     no      link      link   no     link
  Mutation.shareJob       other    -     NOT_FOUND NOT_FOUND link NOT_FOUND link
  Mutation.shareJob       elsewhere - NOT_FOUND NOT_FOUND NOT_FOUND NOT_FOUND link
  Mutation.purgeDatabase  own      -     no      no        2      no     2
  Mutation.purgeDatabase  other    -     no      no        2      no     2
  Mutation.purgeDatabase  elsewhere -    no      no        no     no     1
  Mutation.deleteDatabase own      -     no      no        true   no     true
  Mutation.deleteDatabase other    -     no      no        true   no     true
  Mutation.deleteDatabase elsewhere -    no      no        no     no     true
  Subscription.taskEvents own      -     job/1   job/1     job/2  job/1  job/2
  Subscription.taskEvents other    -     none/1  none/1    job/2  none/1 job/2
  Subscription.taskEvents elsewhere -    none/0  none/0    none/0 none/0 job/1
  Subscription.task       own      -     job     job       job    job    job
  Subscription.task       other    -     null    null      job    null   job
  Subscription.task       elsewhere -    null    null      null   null   job
  Subscription.taskCount  own      -     1       1         1      1      1
  Subscription.taskCount  other    -     0       0         1      0      1
  Subscription.taskCount  elsewhere -    0       0         0      0      1
  Subscription.cancelRequests own   -    job/1   job/1     job/2  job/1  job/2
  Subscription.cancelRequests other -    none/1  none/1    job/2  none/1 job/2
  Subscription.cancelRequests elsewhere - none/0 none/0    none/0 none/0 job/1
`);

describe("the matrix of rights", () => {
  it("has a row for each root field of the schema and each job", () => {
    const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
      (type) => Object.keys(type!.getFields()).map((field) => `${type!.name}.${field}`),
    );
    const rows = fields.flatMap((field) => Object.keys(JOBS).map((job) => `${field} ${job}`));

    expect(MATRIX.map(({ field, job }) => `${field} ${job}`).toSorted()).toEqual(rows.toSorted());
  });

  describe.each(ENTRY_POINTS)("over $name", (entryPoint) => {
    const tokens = new Tokens({ folder: temporaryFolder(afterAll) });
    let callers: Callers;
    let server: TestServer;

    beforeAll(async () => {
      callers = await grantTokens(tokens);
      server = await startServer({ auth: tokens.auth });
    });

    afterAll(() => server.close());

    it.each(MATRIX)("$field of a job of $job", async ({ field, job, expected }) => {
      expect(await rowOf(field, JOBS[job], entryPoint, server, callers)).toEqual(
        expectedOver(entryPoint, field, expected),
      );
    });
  });
});

type Row = Readonly<Record<string, string>>;

/** The token of each caller. */
type Callers = Readonly<Record<string, string | undefined>>;

/** The answer to each caller. The jobs are created again for each row, and after each mutation. */
async function rowOf(
  field: string,
  job: JobName,
  entryPoint: EntryPoint,
  server: TestServer,
  callers: Callers,
): Promise<Row> {
  const rootField = ROOT_FIELDS[field]!;
  const row: Record<string, string> = {};
  await putJobs(server);
  for (const [name, token] of Object.entries(callers)) {
    const isLast = ({ data }: { readonly data?: unknown }): boolean => rootField.isLast?.(data) ?? true;
    const answers = await entryPoint.ask(server.url, token, rootField.ask(job), isLast);
    row[name] = summaryOf(rootField, job, answers).replace("FORBIDDEN", "no");
    if (field.startsWith("Mutation.")) await putJobs(server);
  }
  return row;
}

/** Plain HTTP rejects every subscription. */
function expectedOver({ name }: EntryPoint, field: string, expected: Row): Row {
  if (name !== "HTTP" || !field.startsWith("Subscription.")) return expected;
  return Object.fromEntries(
    Object.entries(expected).map(([caller, answer]) => [caller, answer === "-" ? "-" : "BAD_USER_INPUT"]),
  );
}

async function grantTokens(tokens: Tokens): Promise<Callers> {
  const databases = ["movies"];
  return {
    none: undefined,
    viewer: await tokens.grant("alice", { role: "viewer", databases }),
    reporter: await tokens.grant("alice", { role: "reporter", databases }),
    admin: await tokens.grant("ada", { role: "admin", databases }),
    share: await tokens.grant("alice", { role: "viewer", databases, job: JOBS.own }),
    root: await tokens.grant("root", { role: "admin", databases: ["*"] }),
  };
}

async function putJobs({ provider }: TestServer): Promise<void> {
  for (const job of Object.values(JOBS)) {
    // Safe: the names are valid.
    const { database, username, jobId } = job as unknown as {
      database: DatabaseName;
      username: Username;
      jobId: JobId;
    };
    const store = await provider.getTaskStore(database);
    await store.store(storeRequestOf({ username, jobId }, { database, spec: branch("t", leaf("a", 10)) }));
    await store.requestCancel({ username, jobId }, { attempt: null, by: username, reason: null });
  }
}

/** Parses a table; its first line names the callers. */
function table(text: string): { field: string; job: keyof typeof JOBS; expected: Row }[] {
  const [callers = [], ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.map(([field, job, ...answers]) => ({
    field: field!,
    job: job as keyof typeof JOBS, // checked by the first test
    expected: Object.fromEntries(callers.map((caller, at) => [caller, answers[at]!])),
  }));
}
