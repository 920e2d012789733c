import { chmodSync, chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { issueToken, revokeToken } from "../../src/auth/issue-token.js";
import { changeTokens, readTokens } from "../../src/auth/token-file.js";
import { TokenAuthenticator } from "../../src/auth/token-authenticator.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { Tokens } from "../kit/server/tokens.js";
import { until } from "../kit/deterministic/turns.js";

/** Root may give files away; others keep their own. */
const OTHER_OWNER: [uid: number, gid: number] =
  process.getuid!() === 0 ? [65_534, 65_534] : [process.getuid!(), process.getgid!()];

const UNAUTHENTICATED = expect.objectContaining({ code: "UNAUTHENTICATED" }) as unknown;

describe("A tokens file", () => {
  it("contains no token, and only its owner can read it", async () => {
    const tokens = new Tokens();

    const token = await tokens.grant("alice", { note: "for the nightly import" });

    expect(token).toMatch(/^tm_[\w-]{43}$/);
    expect(readFileSync(tokens.path, "utf8")).not.toContain(token.slice(3, 13));
    expect(statSync(tokens.path).mode & 0o777).toBe(0o600);
    expect(await readTokens(tokens.path)).toMatchObject([
      { username: "alice", note: "for the nightly import" },
    ]);
  });

  it("keeps its owner, group and mode when a token is created or revoked", async () => {
    const tokens = new Tokens();
    await tokens.grant("alice");
    chmodSync(tokens.path, 0o640);
    chownSync(tokens.path, ...OTHER_OWNER);

    await tokens.grant("bob");
    await tokens.revoke("alice");

    const { uid, gid, mode } = statSync(tokens.path);
    expect([uid, gid, mode & 0o777]).toEqual([...OTHER_OWNER, 0o640]);
    expect(await readTokens(tokens.path)).toMatchObject([{ username: "bob" }]);
    expect(readdirSync(dirname(tokens.path))).toEqual(["tokens.json"]);
  });

  it("loses no change when tokens are created and revoked concurrently", async () => {
    const tokens = new Tokens();
    const names = Array.from({ length: 10 }, (_, at) => `user${at}`);
    await Promise.all(names.map((name) => tokens.grant(name)));
    const before = await readTokens(tokens.path);

    await Promise.all([
      ...before.map(({ id }) => revokeToken(tokens.path, id)),
      ...names.map((name) => tokens.grant(`new-${name}`)),
    ]);

    const after = (await readTokens(tokens.path)).map(({ username }) => username);
    expect(after.toSorted()).toEqual(names.map((name) => `new-${name}`));
  });

  it("stays unchanged when a change fails", async () => {
    const tokens = new Tokens();
    await tokens.grant("alice");
    const before = readFileSync(tokens.path, "utf8");

    await expect(revokeToken(tokens.path, "none")).rejects.toThrow('there is no token "none"');
    await expect(tokens.grant("a\u0000b")).rejects.toThrow("control character");
    await expect(
      changeTokens(tokens.path, () => {
        throw new Error("no");
      }),
    ).rejects.toThrow("no");

    expect(readFileSync(tokens.path, "utf8")).toBe(before);
    await tokens.grant("bob");
  });

  it.each([
    ["is missing", () => undefined, "it does not exist"],
    ["is not JSON", (path: string) => writeFileSync(path, "tm_secret"), "it is not valid JSON"],
    [
      "is not UTF-8, which would give two users one name",
      (path: string) => writeFileSync(path, Buffer.from("\xe9 tm_secret", "latin1")),
      "it is not valid UTF-8",
    ],
    [
      "has another structure",
      (path: string) => writeFileSync(path, `{ "tokens": [{ "id": 1 }] }`),
      "tokens.0.id",
    ],
  ])("causes an error without its content when it %s", async (_, spoil, message) => {
    const { path } = new Tokens();
    spoil(path);

    const opening = TokenAuthenticator.open(path, { clock: new ManualClock(), log: new RecordingLog() });

    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.not.toThrow("tm_secret");
  });
});

describe("A server with a tokens file", () => {
  it("accepts a token in the file, and rejects an unknown or missing one", async () => {
    const { tokens } = await openWorld();
    const token = await tokens.grant("bob", { role: "admin" });
    const { path } = tokens;
    const again = await TokenAuthenticator.open(path, { clock: new ManualClock(), log: new RecordingLog() });

    expect((await again.authenticate(token)).rights).toMatchObject({
      username: "bob",
      role: "admin",
      databases: ["*"],
    });
    await expect(again.authenticate(`${token}x`)).rejects.toThrow(UNAUTHENTICATED);
    expect(() => again.authenticate("x".repeat(10_000))).toThrow(UNAUTHENTICATED);
    expect(() => again.authenticate(undefined)).toThrow(UNAUTHENTICATED);
  });

  it("accepts a new token immediately and reads the file once for concurrent requests", async () => {
    const { tokens, authenticator, log } = await openWorld();
    const token = await tokens.grant("bob");

    const callers = await Promise.all(Array.from({ length: 20 }, () => authenticator.authenticate(token)));

    expect(callers.map(({ username }) => username)).toEqual(Array.from({ length: 20 }, () => "bob"));
    expect(new Set(callers).size).toBe(1);
    expect(log.lines).toHaveLength(1);
  });

  it("checks the file twice a second", async () => {
    const { tokens, authenticator, clock, log } = await openWorld();
    const token = await tokens.grant("bob");

    clock.advance(500);
    await until(() => log.lines.length > 0);

    expect(authenticator.authenticate(token)).toMatchObject({ username: "bob" });
  });

  it("keeps the previous tokens for a minute while the file is unreadable, and logs the error once", async () => {
    const { tokens, authenticator, clock, log, token } = await openWorld();
    const caller = await authenticator.authenticate(token);
    const whole = readFileSync(tokens.path);

    writeFileSync(tokens.path, "{");
    clock.advance(500);
    await until(() => log.lines.length === 1);
    rmSync(tokens.path);
    await checks(clock, 119);

    expect(log.lines).toMatchObject([{ level: "error", message: expect.stringContaining("for a minute") }]);
    expect(authenticator.failures).toMatchObject([{ rejectsAll: false }]);
    expect(authenticator.authenticate(token)).toBe(caller);
    expect(caller.isExpired).toBe(false);

    writeFileSync(tokens.path, whole);
    await checks(clock, 1);
    await until(() => log.lines.length === 2);
    expect(authenticator.failures).toEqual([]);
    expect(authenticator.authenticate(token)).toBe(caller);
  });

  it("names the error of the system once", async () => {
    const failure = readTokens(temporaryFolder());

    await expect(failure).rejects.toThrow(/^cannot read the tokens file .*: it cannot be read \(EISDIR\)$/);
  });

  it("rejects every token a minute after the file became unreadable, until it is readable again", async () => {
    const { tokens, authenticator, clock, log, token } = await openWorld();
    const caller = await authenticator.authenticate(token);
    const whole = readFileSync(tokens.path);
    writeFileSync(tokens.path, "{");
    clock.setBack(3_600_000);
    await checks(clock, 121);
    await until(() => log.lines.length === 2);

    expect(log.lines.at(-1)).toMatchObject({
      level: "error",
      message: expect.stringContaining("every token"),
    });
    expect(authenticator.failures).toMatchObject([{ rejectsAll: true }]);
    expect(caller.isExpired).toBe(true);
    expect(caller.endError.code).toBe("UNAVAILABLE");
    await expect(authenticator.authenticate(token)).rejects.toThrow("The server cannot read its tokens file");

    writeFileSync(tokens.path, whole);
    expect(await authenticator.authenticate(token)).toMatchObject({ username: "alice", isExpired: false });
    expect(authenticator.failures).toEqual([]);
  });

  it("rejects an expired token after a restart", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const tokens = new Tokens({ clock });
    const { token } = await issueToken(
      tokens.path,
      { username: "alice", role: "viewer", databases: ["*"], lifeMs: 1_000 },
      clock,
    );
    clock.advance(1_000);

    const authenticator = await TokenAuthenticator.open(tokens.path, { clock, log: new RecordingLog() });

    expect(() => authenticator.authenticate(token)).toThrow(UNAUTHENTICATED);
  });

  it("stops checking the file once it is closed", async () => {
    const { authenticator, clock } = await openWorld();

    authenticator.close();
    authenticator.close();

    expect(clock.timerCount).toBe(0);
  });
});

/** Lets the server check the file `count` times. */
async function checks(clock: ManualClock, count: number): Promise<void> {
  for (let check = 0; check < count; check++) {
    await until(() => clock.timerCount === 1);
    clock.advance(500);
  }
  await until(() => clock.timerCount === 1);
}

async function openWorld() {
  const [clock, log, tokens] = [new ManualClock(1_700_000_000_000), new RecordingLog(), new Tokens()];
  const token = await tokens.grant("alice");
  const authenticator = await TokenAuthenticator.open(tokens.path, { clock, log });
  return { clock, log, tokens, token, authenticator };
}
