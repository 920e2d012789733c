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

/** What is there and may not be seen, and what is not there. */
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
  ["who was shown one job", { role: "viewer", job: { database: "movies", username: "alice", jobId: "a" } }],
] as const satisfies [string, Partial<TokenGrant>][];

describe.each(TOKENS)("L13: %s", (_, wish) => {
  describe.each(UNSEEN)("is told of %s what is told of none", (__, there, absent) => {
    it.each(fields())("by %s", async (___, field) => {
      const { server, token } = await openWorld(wish);
      await using closing = server;

      const [ofThere, ofAbsent] = [
        await ask(closing.url, token, field.ask(there)),
        await ask(closing.url, token, field.ask(absent)),
      ];

      expect(withoutNames(ofThere, there)).toBe(withoutNames(ofAbsent, absent));
    });

    it.each([
      ["ALREADY_EXISTS", "storeTask", "StoreTaskInput", { task: { description: "t" }, onConflict: "REJECT" }],
      ["STALE_ATTEMPT", "updateTask", "UpdateTaskInput", { attempt: 99 }],
      ["a path that is not there", "updateTask", "UpdateTaskInput", { updates: [{ path: "9", done: 1 }] }],
      ["STALE_ATTEMPT", "removeTask", "JobInput", { attempt: 99 }],
      ["ILLEGAL_TRANSITION", "requestCancel", "RequestCancelInput", {}],
    ])("though otherwise it were %s of %s", async (___, name, type, input) => {
      const { server, token } = await openWorld(wish);
      await using closing = server;
      const query = `mutation ($input: ${type}!) { ${name}(input: $input) { userTask { jobId } } }`;
      const change = (job: JobName) =>
        ask(closing.url, token, { query, variables: { input: { ...job, ...input } } });

      const [ofThere, ofAbsent] = [await change(there), await change(absent)];

      expect(ofThere.errors?.[0]?.extensions).toEqual({ code: "FORBIDDEN" });
      expect(withoutNames(ofThere, there)).toBe(withoutNames(ofAbsent, absent));
    });
  });
});

describe("L13: a user among others", () => {
  it("pages through the own jobs as if there were no others", async () => {
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

    expect([first, second, back].map(shownPage)).toEqual([
      { jobs: ["a3", "a2"], totalCount: 4, hasNextPage: true, hasPreviousPage: false },
      { jobs: ["a1", "a"], totalCount: 4, hasNextPage: false, hasPreviousPage: true },
      { jobs: ["a3", "a2"], totalCount: 4, hasNextPage: true, hasPreviousPage: false },
    ]);
  });

  it("is listed the databases with own jobs, a page at a time, and no others", async () => {
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

  it("is listed no database after the last own job is gone from it", async () => {
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

  it("is named as who stores, reports and asks to cancel where no user is named", async () => {
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

  it("has the reports refused that are for others, and the rest taken", async () => {
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

    const refused = { userTask: null, error: { code: "FORBIDDEN" } };
    expect(data).toEqual({ updateTasks: [refused, { userTask: { version: 2 }, error: null }, refused] });
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

function shownPage({ tasks: { nodes, totalCount, pageInfo } }: Page): object {
  const { hasNextPage, hasPreviousPage } = pageInfo;
  return { jobs: nodes.map(({ jobId }) => jobId), totalCount, hasNextPage, hasPreviousPage };
}

/** Those that can be asked for by plain HTTP. */
function fields(): [string, (typeof ROOT_FIELDS)[string]][] {
  return Object.entries(ROOT_FIELDS).filter(([name]) => !name.startsWith("Subscription."));
}

async function openWorld(wish: Partial<TokenGrant>) {
  const tokens = new Tokens();
  const token = await tokens.grant("alice", { databases: ["movies"], ...wish });
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

async function ask(url: string, token: string, asked: GraphqlRequest): Promise<GraphqlResult> {
  using connection = new HttpConnection(url);
  return graphqlResultOf(await connection.post(asked, bearer(token)));
}

/** As text, what the job is called being the same in all of them. */
function withoutNames(answer: GraphqlResult, { database, username, jobId }: JobName): string {
  const text = JSON.stringify(answer);
  return [database, username, jobId].reduce(
    (rest, name) => rest.replaceAll(new RegExp(`\\b${name}\\b`, "g"), "NAME"),
    text,
  );
}
