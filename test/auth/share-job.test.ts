import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readTokens } from "../../src/auth/token-file.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { graphqlPost, graphqlResultOf, HttpConnection, readMetric } from "../kit/network/raw-http.js";
import type { GraphqlResult } from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { ALICE, BOB, DATABASE, storeRequestOf } from "../kit/store/requests.js";
import { bearer } from "../rights/entry-points.js";

const NOW = Date.UTC(2026, 0, 1);
const DAY_S = 86_400;

describe("The link of a shared job", () => {
  it("shows this job for a day, and no other job", async () => {
    await using world = await openWorld();

    const { url, token, expiresAt } = await world.share();

    expect(url).toBe(`${world.url}/?database=neo4j&owner=alice&job=job#token=${token}`);
    expect(expiresAt).toBe("2026-01-02T00:00:00.000Z");
    expect(await world.visibleTo(token)).toEqual([{ username: "alice", jobId: "job" }]);
    expect(await world.ask(token, CANCEL)).toMatchObject(failure("FORBIDDEN"));
    expect(await readTokens(world.tokens.path)).toMatchObject([
      { username: "alice" },
      { username: "alice", role: "viewer", sharedBy: "alice", databases: ["neo4j"] },
    ]);
  });

  it("ends at its expiry", async () => {
    await using world = await openWorld();
    const { token } = await world.share({ expiresInSeconds: 60 });

    world.clock.advance(59_999);
    const before = await world.ask(token, JOBS);
    world.clock.advance(1);

    expect(before.errors).toBeUndefined();
    expect(await world.ask(token, JOBS)).toMatchObject(failure("UNAUTHENTICATED"));
  });

  it("ends when its token is revoked", async () => {
    await using world = await openWorld();
    const { token } = await world.share();

    await world.tokens.revoke("alice");

    world.clock.advance(500);
    await expect.poll(() => world.ask(token, JOBS)).toMatchObject(failure("UNAUTHENTICATED"));
  });

  it.each([
    [59, /expiresInSeconds 59: expected a whole number from 60 to 2592000/],
    [30 * DAY_S + 1, /expected a whole number from 60 to 2592000/],
  ])("is not made for %i seconds", async (expiresInSeconds, message) => {
    await using world = await openWorld();

    expect(await world.ask(world.token, SHARE, { expiresInSeconds })).toMatchObject({
      errors: [{ message: expect.stringMatching(message) as string, extensions: { code: "BAD_USER_INPUT" } }],
    });
  });

  it("is not made for a job that does not exist", async () => {
    await using world = await openWorld();

    expect(await world.ask(world.token, SHARE, { jobId: "none" })).toMatchObject(failure("NOT_FOUND"));
    expect(await world.ask(world.token, SHARE, { database: "none" })).toMatchObject(failure("NOT_FOUND"));
    expect(await readTokens(world.tokens.path)).toHaveLength(1);
  });

  it("is the plain address of the job on a server without authentication, and does not end", async () => {
    await using server = await startServer();
    await (await server.provider.getTaskStore(DATABASE)).store(storeRequestOf(ALICE));
    const { data } = await ask(server.url, undefined, SHARE, {});

    expect(data).toEqual({
      shareJob: {
        url: `${server.url}/?database=neo4j&owner=alice&job=job`,
        token: "",
        expiresAt: "9999-12-31T23:59:59.999Z",
      },
    });
  });
});

describe("The tokens file of shared jobs", () => {
  it("has at most sharesPerUserMax valid tokens per user, and drops those that have expired", async () => {
    await using world = await openWorld({ sharesPerUserMax: "2" });
    const admin = await world.tokens.grant("ada", { role: "admin" });

    await world.share({ expiresInSeconds: 60 });
    await world.share();
    const rejected = await world.ask(world.token, SHARE);
    const ofOther = await world.ask(admin, SHARE);
    world.clock.advance(60_000);
    const later = await world.ask(world.token, SHARE);

    expect(rejected.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/User "alice" has too many valid links.*the limit is 2/) as string,
      extensions: { code: "LIMIT_EXCEEDED", limit: "sharesPerUserMax" },
    });
    expect([ofOther.errors, later.errors]).toEqual([undefined, undefined]);
    expect((await readTokens(world.tokens.path)).map(({ sharedBy }) => sharedBy)).toEqual([
      undefined,
      undefined,
      "alice",
      "ada",
      "alice",
    ]);
    expect(
      await readMetric(
        world.url,
        'tidemark_failures_total{code="LIMIT_EXCEEDED",limit="sharesPerUserMax"}',
        bearer(admin),
      ),
    ).toBe(1);
  });

  it("loses no change when jobs are shared while tokens are created", async () => {
    await using world = await openWorld();

    await Promise.all([
      ...Array.from({ length: 10 }, () => world.share()),
      ...Array.from({ length: 10 }, (_, at) => world.tokens.grant(`user${at}`)),
    ]);

    const tokens = await readTokens(world.tokens.path);
    expect(tokens.filter(({ sharedBy }) => sharedBy === "alice")).toHaveLength(10);
    expect(tokens.filter(({ username }) => username.startsWith("user"))).toHaveLength(10);
  });

  it.each([
    ["is missing", (path: string) => rmSync(path), "it does not exist"],
    ["is invalid", (path: string) => writeFileSync(path, "{"), "it is not valid JSON"],
    ["cannot be written", (path: string) => mkdirSync(`${path}.new`), "EISDIR"],
    ["is locked", (path: string) => writeFileSync(`${path}.lock`, ""), "another process is changing"],
  ])("causes UNAVAILABLE, and stays as it is, when it %s", async (_, spoil, reason) => {
    await using world = await openWorld();
    spoil(world.tokens.path);
    const before = contentOf(world.tokens.path);

    const answer = await world.ask(world.token, SHARE);

    expect(answer.errors?.[0]).toMatchObject({
      message: expect.stringContaining("cannot store a token in its tokens file now") as string,
      extensions: { code: "UNAVAILABLE" },
    });
    expect(JSON.stringify(answer)).not.toContain(world.tokens.path);
    expect(contentOf(world.tokens.path)).toBe(before);
    const { fields } = world.log.lines.find(({ message }) => message.startsWith("cannot store the token"))!;
    expect(String((fields as { readonly err: unknown }).err)).toContain(reason);
  });
});

const SHARE = "mutation ($input: ShareJobInput!) { shareJob(input: $input) { url token expiresAt } }";
const CANCEL = "mutation ($input: RequestCancelInput!) { requestCancel(input: $input) { userTask { id } } }";
const JOBS = `{ tasks(database: "neo4j") { nodes { username jobId } } }`;

interface Link {
  readonly url: string;
  readonly token: string;
  readonly expiresAt: string;
}

/** A server with a reporter, Alice, whose token is `token`, and a job of Alice and one of Bob. */
async function openWorld(flags: Readonly<Record<string, string>> = {}) {
  const clock = new ManualClock(NOW);
  const log = new RecordingLog();
  const tokens = new Tokens({ clock });
  const token = await tokens.grant("alice");
  const server = await startServer({ auth: tokens.auth, ...flags }, { clock, log });
  const store = await server.provider.getTaskStore(DATABASE);
  for (const key of [ALICE, BOB]) await store.store(storeRequestOf(key));
  return {
    url: server.url,
    clock,
    log,
    tokens,
    token,
    ask: (by: string, query: string, input: object = {}) => ask(server.url, by, query, input),
    share: async (input: object = {}): Promise<Link> =>
      ((await ask(server.url, token, SHARE, input)).data as { shareJob: Link }).shareJob,
    visibleTo: async (by: string) =>
      ((await ask(server.url, by, JOBS, {})).data as { tasks: { nodes: unknown[] } }).tasks.nodes,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function ask(url: string, token: string | undefined, query: string, input: object) {
  using connection = new HttpConnection(url);
  const variables = { input: { database: "neo4j", username: "alice", jobId: "job", ...input } };
  return graphqlResultOf(await connection.request(graphqlPost({ query, variables }, bearer(token))));
}

function failure(code: string): Partial<GraphqlResult> {
  return { errors: [{ extensions: { code } }] } as unknown as GraphqlResult;
}

function contentOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
