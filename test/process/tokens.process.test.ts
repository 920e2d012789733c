import { chmodSync, chownSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTokens } from "../../src/auth/token-file.js";
import {
  Program,
  readyLine,
  serve,
  startTidemark,
  type ProgramOptions,
} from "../kit/process/child-process.js";
import { asNobody, CAN_BE_NOBODY, NEEDS_ROOT, NOBODY } from "../kit/process/other-user.js";
import { graphqlResultOf, graphqlPost, HttpConnection } from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { WsClient } from "../kit/network/ws-client.js";
import { bearer } from "../rights/entry-points.js";

const STORE = {
  query: `mutation { storeTask(input: { database: "movies", jobId: "a", task: { description: "t" } }) { userTask { username } } }`,
};
const LIST = { query: `{ tasks(database: "movies") { nodes { username jobId } } }` };
const WATCH = { query: `subscription { taskCount(database: "movies") }` };

describe("tidemark token", () => {
  it("create tokens that grant exactly their rights", async () => {
    const { options, path } = newFile();
    const alice = await printedToken(
      ["token", "create", "alice", "--role", "reporter", "--note", "nightly"],
      options,
    );
    const bob = await printedToken(
      ["token", "create", "bob", "--databases", "mov*", "--expires", "1h"],
      options,
    );
    await using tidemark = await startTidemark([], options);

    const stored = await send(tidemark.url, alice, STORE);
    const [toAlice, toBob] = [await send(tidemark.url, alice, LIST), await send(tidemark.url, bob, LIST)];

    const nodes = [{ username: "alice", jobId: "a" }];
    expect(stored).toEqual({ data: { storeTask: { userTask: { username: "alice" } } } });
    expect([toAlice, toBob]).toEqual([{ data: { tasks: { nodes } } }, { data: { tasks: { nodes: [] } } }]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([...tidemark.program.out, readFileSync(path, "utf8")].join("\n")).not.toMatch(/tm_/);
  });

  it("list tokens with their rights, and disconnect clients when their token is revoked", async () => {
    const { options } = newFile();
    const token = await printedToken(["token", "create", "alice", "--note", "nightly"], options);
    await using tidemark = await startTidemark([], options);
    using client = await WsClient.connect(tidemark.url, { token });
    using stream = await SseStream.open(tidemark.url, WATCH, bearer(token));
    const subscription = client.subscribe(WATCH);
    await Promise.all([subscription.next(), stream.next()]);

    const [listed = ""] = (await run(["token", "list"], options)).out;
    const [id = ""] = listed.split("  ");
    const revoked = await run(["token", "revoke", id], options);
    const revokedAt = performance.now();
    const [{ code }, last] = await Promise.all([client.closed, stream.next()]);
    const tookMs = performance.now() - revokedAt;

    expect(listed).toBe(`${id}  alice  viewer  databases *  until revoked  nightly`);
    expect(revoked.out).toEqual([`Revoked ${id}.`]);
    expect([code, last.errors?.[0]?.extensions]).toEqual([4403, { code: "UNAUTHENTICATED" }]);
    expect(tookMs).toBeLessThan(1_000);
    expect((await send(tidemark.url, token, LIST)).errors?.[0]?.extensions).toEqual({
      code: "UNAUTHENTICATED",
    });
    expect((await run(["token", "list"], options)).out).toEqual([]);
  });

  it.each([
    ["without a file", ["token", "list"], {}, "required option '--auth <tokens:FILE>' not specified", 2],
    [
      "an unknown role",
      ["token", "create", "a", "--role", "god"],
      { TIDEMARK_AUTH: "tokens:x" },
      "Allowed choices are viewer, reporter, admin",
      2,
    ],
    [
      "an invalid duration",
      ["token", "create", "a", "--expires", "1"],
      { TIDEMARK_AUTH: "tokens:x" },
      "has no unit",
      2,
    ],
    [
      "another kind of --auth",
      ["token", "list", "--auth", "none"],
      {},
      "expected tokens:FILE, because this command edits a tokens file",
      2,
    ],
    ["a missing file", ["token", "list", "--auth", "tokens:/nowhere/t"], {}, "it does not exist", 1],
    [
      "an unknown token",
      ["token", "revoke", "x", "--auth", `tokens:${join(tmpdir(), "no-such-tokens")}`],
      {},
      "there is no token",
      3,
    ],
    [
      "a missing folder",
      ["token", "create", "a", "--auth", "tokens:/nowhere/tokens.json"],
      {},
      "tidemark: cannot write tokens to /nowhere: the folder does not exist",
      1,
    ],
  ])("report the problem: %s", async (_, args, env, message, code) => {
    const { exit, err } = await run(args, { env });

    expect(err).toHaveLength(1);
    expect(err[0]).toContain(message);
    expect(exit.code).toBe(code);
  });
});

describe("tidemark share", () => {
  it("prints a link that shows one job, and says until when", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice");
    await using tidemark = await startServer({ auth: tokens.auth });
    await send(tidemark.url, token, STORE);

    const { exit, out, err } = await share(["a", "--expires", "1h"], `${tidemark.url}/graphql`, token);

    const [link = ""] = out;
    const shared = new URLSearchParams(new URL(link).hash.slice(1)).get("token")!;
    expect([exit.code, out.length]).toEqual([0, 1]);
    expect(link).toBe(`${tidemark.url}/?database=movies&owner=alice&job=a#token=${shared}`);
    expect(err).toEqual([
      expect.stringMatching(/^Anyone with this link can read the job until \d{4}-\d\d-\d\dT[\d:.]+Z\.$/),
    ]);
    expect(await send(tidemark.url, shared, LIST)).toEqual({
      data: { tasks: { nodes: [{ username: "alice", jobId: "a" }] } },
    });
    expect((await send(tidemark.url, shared, STORE)).errors?.[0]?.extensions).toEqual({ code: "FORBIDDEN" });
    const { out: listed } = await run(["token", "list"], { env: { TIDEMARK_AUTH: tokens.auth } });
    expect(listed[1]).toMatch(/job a of alice in movies .* shared by alice$/);
  });

  it("prints the public address of the server, as JSON with --json", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice", { role: "admin" });
    const publicUrl = "https://tools.example/tidemark";
    await using tidemark = await startServer({ auth: tokens.auth, publicUrl });
    await send(tidemark.url, token, STORE);

    const { out, err } = await share(["--user", "alice", "--job", "a", "--json"], tidemark.url, token);

    const answer = JSON.parse(out.join("")) as { readonly token: string };
    expect(answer).toEqual({
      url: `${publicUrl}/?database=movies&owner=alice&job=a#token=${answer.token}`,
      token: expect.stringMatching(/^tm_/) as unknown,
      expiresAt: expect.stringMatching(/Z$/) as unknown,
    });
    expect(err).toEqual([]);
  });

  it("prints the plain address of a job on a server without authentication", async () => {
    await using tidemark = await startServer();
    await send(tidemark.url, "none", STORE);

    const { out, err } = await share(["a"], tidemark.url);

    expect(out).toEqual([`${tidemark.url}/?database=movies&owner=anonymous&job=a`]);
    expect(err).toEqual([expect.stringContaining("The server requires no token")]);
  });

  it("refuses a job that does not exist, and makes no token", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice");
    await using tidemark = await startServer({ auth: tokens.auth });

    const { exit, out, err } = await share(["none"], tidemark.url, token);

    expect([exit.code, out]).toEqual([3, []]);
    expect(err).toEqual(["tidemark: job none not found in the database movies"]);
    expect(await readTokens(tokens.path)).toHaveLength(1);
  });

  it("refuses a token that may only read the job, with the role that is required", async () => {
    const tokens = new Tokens();
    const reporter = await tokens.grant("alice");
    const viewer = await tokens.grant("alice", { role: "viewer" });
    await using tidemark = await startServer({ auth: tokens.auth });
    await send(tidemark.url, reporter, STORE);

    const { exit, err } = await share(["a"], tidemark.url, viewer);

    expect(exit.code).toBe(5);
    expect(err).toEqual([expect.stringContaining("Sharing a job requires the role reporter")]);
  });

  it.each(["59s", "31d"])("refuses --expires %s", async (expires) => {
    const { exit, err } = await share(["a", "--expires", expires], "http://127.0.0.1:1");

    expect(exit.code).toBe(2);
    expect(err).toEqual([expect.stringContaining("expected a duration from 1m to 30d")]);
  });
});

describe("A command of a client", () => {
  it.each([[["list"]], [["watch"]], [["share", "a"]]])(
    "says that the server requires a token, and how to pass it: %s",
    async (args) => {
      const tokens = new Tokens();
      await tokens.grant("alice");
      await using tidemark = await startServer({ auth: tokens.auth });

      const missing = await run(args, { env: { TIDEMARK_URL: tidemark.url } });
      const wrong = await run(args, { env: { TIDEMARK_URL: tidemark.url, TIDEMARK_TOKEN: "wrong" } });

      expect([missing.exit.code, missing.err]).toEqual([
        5,
        [
          `tidemark: The server at ${tidemark.url} requires a token: pass one with --token or TIDEMARK_TOKEN.`,
        ],
      ]);
      expect([wrong.exit.code, wrong.err]).toEqual([
        5,
        [
          `tidemark: The server at ${tidemark.url} rejects the token from TIDEMARK_TOKEN: it is invalid, has expired or was revoked. Pass another.`,
        ],
      ]);
    },
  );
});

describe("tidemark serve", () => {
  it("does not start without authentication on a public address", async () => {
    await using program = serve(["--host", "0.0.0.0", "--port", "0"]);

    expect((await program.exited).code).toBe(2);
    expect(program.err).toEqual([expect.stringContaining("--allow-open")]);
  });

  it("starts without authentication on a public address with --allow-open, and warns", async () => {
    await using tidemark = await startTidemark(["--host", "0.0.0.0", "--allow-open"]);

    expect(JSON.parse(tidemark.program.out[0]!)).toMatchObject({
      level: 40,
      msg: expect.stringContaining("--allow-open") as unknown,
    });
  });

  it.each([
    ["a missing tokens file", "tokens:/nowhere/tokens.json", "it does not exist"],
    ["a missing key", "jwt:key:/nowhere/key.pem", "cannot read the file"],
  ])("does not start with %s", async (_, auth, message) => {
    await using program = serve(["--auth", auth, "--jwt-issuer", "i", "--jwt-audience", "a"]);

    expect((await program.exited).code).toBe(1);
    expect(program.err).toEqual([expect.stringContaining(message)]);
  });
});

describe.skipIf(!CAN_BE_NOBODY)(`a tokens file of another user ${NEEDS_ROOT}`, () => {
  it("stays readable for its server when root revokes a token, also after a restart", async () => {
    const { options, path } = newFile();
    const token = await printedToken(["token", "create", "alice"], options);
    chownSync(dirname(path), NOBODY, NOBODY);
    chownSync(path, NOBODY, NOBODY);
    await using server = asNobody(["serve", "--port", "0"], options);
    const { url } = await readyLine(server);
    using stream = await SseStream.open(url, WATCH, bearer(token));
    await stream.next();

    const [listed = ""] = (await run(["token", "list"], options)).out;
    await run(["token", "revoke", listed.split("  ")[0]!], options);

    expect((await stream.next()).errors?.[0]?.extensions).toEqual({ code: "UNAUTHENTICATED" });
    await using again = asNobody(["serve", "--port", "0"], options);
    expect(await readyLine(again)).toMatchObject({ msg: "ready" });
  });

  it("stays as it is when its server may not write it, and sharing fails with a reason", async () => {
    const { options, path } = newFile();
    const token = await printedToken(["token", "create", "alice", "--role", "reporter"], options);
    chmodSync(dirname(path), 0o755);
    chmodSync(path, 0o644);
    const before = readFileSync(path, "utf8");
    await using server = asNobody(["serve", "--port", "0", "--store", "memory:"], options);
    const { url } = await readyLine(server);
    await send(url, token, STORE);

    const { exit, err } = await share(["a"], url, token);

    expect([exit.code, err]).toEqual([
      4,
      [expect.stringContaining("cannot store a token in its tokens file")],
    ]);
    expect(server.out.join("\n")).toContain("EACCES");
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(dirname(path))).toEqual(["tokens.json"]);
  });

  it("is not changed by a user who can't keep its owner", async () => {
    const { options, path } = newFile();
    await printedToken(["token", "create", "alice"], options);
    chmodSync(path, 0o644);
    chownSync(dirname(path), NOBODY, NOBODY);
    const before = readFileSync(path, "utf8");

    await using program = asNobody(["token", "create", "bob"], options);

    expect((await program.exited).code).toBe(1);
    expect(program.err).toEqual([
      expect.stringContaining(`cannot keep the owner of ${path} (user 0, group 0)`),
    ]);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(dirname(path))).toEqual(["tokens.json"]);
  });
});

/** The path of a tokens file that does not exist yet. */
function newFile(): { readonly options: ProgramOptions; readonly path: string } {
  const path = join(temporaryFolder(), "tokens.json");
  return { path, options: { env: { TIDEMARK_AUTH: `tokens:${path}` } } };
}

function share(args: readonly string[], url: string, token = "") {
  const env = { TIDEMARK_DATABASE: "movies", TIDEMARK_URL: url, TIDEMARK_TOKEN: token };
  return run(["share", ...args], { env });
}

async function printedToken(args: readonly string[], options: ProgramOptions): Promise<string> {
  const { out, err } = await run(args, options);
  if (out.length !== 1) throw new Error(`No token was made: ${err.join("\n")}`);
  return out[0]!;
}

async function run(args: readonly string[], options: ProgramOptions) {
  const program = Program.node(["dist/main.js", ...args], options);
  const exit = await program.exited;
  return { exit, out: program.out, err: program.err };
}

async function send(url: string, token: string, request: typeof STORE) {
  using connection = new HttpConnection(url);
  return graphqlResultOf(await connection.request(graphqlPost(request, bearer(token))));
}
