import { describe, expect, it } from "vitest";
import type { TokenGrant } from "../../src/auth/issue-token.js";
import { databaseName, jobKey } from "../kit/journal/entries.js";
import {
  graphqlResultOf,
  HttpConnection,
  type GraphqlResult,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { reportOf, storeRequestOf } from "../kit/store/requests.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { ROOT_FIELDS, type JobName } from "./operations.js";
import { bearer } from "./entry-points.js";

/** An existing job that the caller may not see, and one that does not exist. */
const UNSEEN = [
  [
    "another user's job",
    { database: "movies", username: "bob", jobId: "b" },
    { database: "movies", username: "eve", jobId: "e" },
  ],
  [
    "another database",
    { database: "secret", username: "alice", jobId: "a" },
    { database: "nowhere", username: "alice", jobId: "a" },
  ],
] as const satisfies [string, JobName, JobName][];

const TOKENS = [
  ["a viewer", { role: "viewer" }],
  ["a reporter", { role: "reporter" }],
  [
    "a token that shares one job",
    { role: "viewer", job: { database: "movies", username: "alice", jobId: "a" } },
  ],
] as const satisfies [string, Partial<TokenGrant>][];

describe.each(TOKENS)("L13: %s", (_, grant) => {
  describe.each(UNSEEN)(
    "gets the same answer for %s as for one that does not exist",
    (__, existing, absent) => {
      it.each(fields())("by %s", async (___, field) => {
        const { server, token } = await openWorld(grant);
        await using closing = server;

        const [forExisting, forAbsent] = [
          await ask(closing.url, token, field.ask(existing)),
          await ask(closing.url, token, field.ask(absent)),
        ];

        expect(withoutNames(forExisting, existing)).toBe(withoutNames(forAbsent, absent));
      });

      it.each([
        [
          "ALREADY_EXISTS",
          "storeTask",
          "StoreTaskInput",
          { task: { description: "t" }, onConflict: "REJECT" },
        ],
        ["STALE_ATTEMPT", "updateTask", "UpdateTaskInput", { attempt: 99 }],
        ["a missing path", "updateTask", "UpdateTaskInput", { updates: [{ path: "9", done: 1 }] }],
        ["STALE_ATTEMPT", "removeTask", "JobInput", { attempt: 99 }],
        ["ILLEGAL_TRANSITION", "requestCancel", "RequestCancelInput", {}],
      ])("where a caller with access would get %s from %s", async (___, name, type, input) => {
        const { server, token } = await openWorld(grant);
        await using closing = server;
        const query = `mutation ($input: ${type}!) { ${name}(input: $input) { userTask { jobId } } }`;
        const change = (job: JobName) =>
          ask(closing.url, token, { query, variables: { input: { ...job, ...input } } });

        const [forExisting, forAbsent] = [await change(existing), await change(absent)];

        expect(forExisting.errors?.[0]?.extensions).toEqual({ code: "FORBIDDEN" });
        expect(withoutNames(forExisting, existing)).toBe(withoutNames(forAbsent, absent));
      });
    },
  );
});

describe("L13: a user", () => {
  it("pages through its own jobs as if there were no others", async () => {
    const { server, token } = await openWorld({ role: "viewer" });
    await using closing = server;
    for (const at of [1, 2, 3]) {
      await store(closing, "movies", "bob", `b${at}`);
      await store(closing, "movies", "alice", `a${at}`);
    }
    const page = (window: string) =>
      ask(closing.url, token, {
        query: `{ tasks(database: "movies", ${window}) { nodes { jobId } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      });

    const first = (await page("first: 2")).data as Page;
    const second = (await page(`first: 2, after: "${first.tasks.pageInfo.endCursor}"`)).data as Page;
    const back = (await page(`last: 2, before: "${second.tasks.pageInfo.startCursor}"`)).data as Page;

    expect([first, second, back].map(pageSummary)).toEqual([
      { jobs: ["a3", "a2"], totalCount: 4, hasNextPage: true, hasPreviousPage: false },
      { jobs: ["a1", "a"], totalCount: 4, hasNextPage: false, hasPreviousPage: true },
      { jobs: ["a3", "a2"], totalCount: 4, hasNextPage: true, hasPreviousPage: false },
    ]);
  });

  it("sees only databases with its own jobs, a page at a time", async () => {
    const { server, token } = await openWorld({ role: "viewer", databases: ["m*", "x*"] });
    await using closing = server;
    for (const name of ["m1", "m2", "m3", "x1"]) await store(closing, name, "bob", "b");
    for (const name of ["m2", "x1", "x2", "z"]) await store(closing, name, "alice", "a");
    const list = (window: string) =>
      ask(closing.url, token, { query: `{ databases(${window}) { name taskCount usernames } }` });

    const own = { taskCount: 1, usernames: ["alice"] };
    expect((await list("first: 3")).data).toEqual({
      databases: [
        { name: "m2", ...own },
        { name: "movies", ...own },
        { name: "x1", ...own },
      ],
    });
    expect((await list(`first: 3, after: "x1"`)).data).toEqual({ databases: [{ name: "x2", ...own }] });
  });

  it("no longer sees a database once its last job there is removed", async () => {
    const { server, token } = await openWorld({ role: "reporter" });
    await using closing = server;

    await ask(closing.url, token, {
      query: `mutation { removeTask(input: { database: "movies", jobId: "a" }) { userTask { jobId } } }`,
    });

    expect(
      (await ask(closing.url, token, { query: `{ databases { name } database(name: "movies") { name } }` }))
        .data,
    ).toEqual({
      databases: [],
      database: null,
    });
  });

  it("is the default user of mutations without a username", async () => {
    const { server, token } = await openWorld({ role: "reporter" });
    await using closing = server;

    const { data } = await ask(closing.url, token, {
      query: `mutation {
        storeTask(input: { database: "movies", jobId: "mine", task: { description: "t" } }) { userTask { username } }
        requestCancel(input: { database: "movies", jobId: "mine" }) { userTask { cancelRequest { by } } }
      }`,
    });

    expect(data).toEqual({
      storeTask: { userTask: { username: "alice" } },
      requestCancel: { userTask: { cancelRequest: { by: "alice" } } },
    });
  });

  it("gets FORBIDDEN for the reports of other users' jobs in a batch, and the rest succeed", async () => {
    const { server, token } = await openWorld({ role: "reporter" });
    await using closing = server;
    const inputs = [
      { database: "movies", username: "bob", jobId: "b", updates: [{ path: "", done: 1 }] },
      { database: "movies", jobId: "a", updates: [{ path: "", done: 2 }] },
      { database: "secret", jobId: "a", updates: [{ path: "", done: 3 }] },
    ];

    const { data } = await ask(closing.url, token, {
      query:
        "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { version } error { code } } }",
      variables: { inputs },
    });

    const rejected = { userTask: null, error: { code: "FORBIDDEN" } };
    expect(data).toEqual({ updateTasks: [rejected, { userTask: { version: 2 }, error: null }, rejected] });
    const bobs = (await closing.provider.getTaskStore(databaseName("movies"))).get(jobKey("bob", "b"));
    expect(bobs).toMatchObject({ version: 2 });
  });
});

interface Page {
  readonly tasks: {
    readonly nodes: readonly { readonly jobId: string }[];
    readonly totalCount: number;
    readonly pageInfo: Readonly<
      Record<"hasNextPage" | "hasPreviousPage", boolean> & Record<"startCursor" | "endCursor", string>
    >;
  };
}

function pageSummary({ tasks: { nodes, totalCount, pageInfo } }: Page): object {
  const { hasNextPage, hasPreviousPage } = pageInfo;
  return { jobs: nodes.map(({ jobId }) => jobId), totalCount, hasNextPage, hasPreviousPage };
}

/** The root fields that plain HTTP can execute. */
function fields(): [string, (typeof ROOT_FIELDS)[string]][] {
  return Object.entries(ROOT_FIELDS).filter(([name]) => !name.startsWith("Subscription."));
}

async function openWorld(grant: Partial<TokenGrant>) {
  const tokens = new Tokens();
  const token = await tokens.grant("alice", { databases: ["movies"], ...grant });
  const server = await startServer({ auth: tokens.auth });
  await store(server, "movies", "alice", "a");
  await store(server, "movies", "bob", "b");
  await store(server, "secret", "alice", "a");
  const bobs = await server.provider.getTaskStore(databaseName("movies"));
  await bobs.update(jobKey("bob", "b"), reportOf({ done: 1 }));
  return { server, token };
}

async function store(
  { provider }: TestServer,
  database: string,
  username: string,
  jobId: string,
): Promise<void> {
  const name = databaseName(database);
  await (
    await provider.getTaskStore(name)
  ).store(storeRequestOf(jobKey(username, jobId), { database: name }));
}

async function ask(url: string, token: string, request: GraphqlRequest): Promise<GraphqlResult> {
  using connection = new HttpConnection(url);
  return graphqlResultOf(await connection.post(request, bearer(token)));
}

/** The answer as text, with the same name for each job. */
function withoutNames(answer: GraphqlResult, { database, username, jobId }: JobName): string {
  const text = JSON.stringify(answer);
  return [database, username, jobId].reduce(
    (rest, name) => rest.replaceAll(new RegExp(`\\b${name}\\b`, "g"), "NAME"),
    text,
  );
}
