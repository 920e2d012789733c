import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { issueToken, revokeToken } from "../../src/auth/issue-token.js";
import { changeTokens, readTokens } from "../../src/auth/token-file.js";
import { TokenAuthenticator } from "../../src/auth/token-authenticator.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { Tokens } from "../kit/server/tokens.js";
import { until } from "../kit/deterministic/turns.js";

const REFUSED = expect.objectContaining({ code: "UNAUTHENTICATED" }) as unknown;

describe("A tokens file", () => {
  it("has no token in it, and is for its owner's eyes only", async () => {
    const tokens = new Tokens();

    const token = await tokens.grant("alice", { note: "for the nightly import" });

    expect(token).toMatch(/^tm_[\w-]{43}$/);
    expect(readFileSync(tokens.path, "utf8")).not.toContain(token.slice(3, 13));
    expect(statSync(tokens.path).mode & 0o777).toBe(0o600);
    expect(await readTokens(tokens.path)).toMatchObject([
      { username: "alice", note: "for the nightly import" },
    ]);
  });

  it("keeps every token, though ten are made at once and ten are revoked", async () => {
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

  it("is as it was when what is to be done to it can't be", async () => {
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
    ["is not there", () => undefined, "it is not there"],
    ["is no JSON", (path: string) => writeFileSync(path, "tm_secret"), "it is no JSON"],
    [
      "is another kind of JSON",
      (path: string) => writeFileSync(path, `{ "tokens": [{ "id": 1 }] }`),
      "tokens.0.id",
    ],
  ])("that %s can't be opened, and nothing of it is told", async (_, spoil, message) => {
    const { path } = new Tokens();
    spoil(path);

    const opening = TokenAuthenticator.open(path, { clock: new ManualClock(), log: new RecordingLog() });

    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.not.toThrow("tm_secret");
  });
});

describe("A server with a tokens file", () => {
  it("knows who has a token, and refuses who has another, or none", async () => {
    const { tokens } = await openWorld();
    const token = await tokens.grant("bob", { role: "admin" });
    const { path } = tokens;
    const again = await TokenAuthenticator.open(path, { clock: new ManualClock(), log: new RecordingLog() });

    expect((await again.authenticate(token)).rights).toMatchObject({
      username: "bob",
      role: "admin",
      databases: ["*"],
    });
    await expect(again.authenticate(`${token}x`)).rejects.toThrow(REFUSED);
    expect(() => again.authenticate("x".repeat(10_000))).toThrow(REFUSED);
    expect(() => again.authenticate(undefined)).toThrow(REFUSED);
  });

  it("knows a token as soon as it is in the file, though many ask at once", async () => {
    const { tokens, authenticator, log } = await openWorld();
    const token = await tokens.grant("bob");

    const callers = await Promise.all(Array.from({ length: 20 }, () => authenticator.authenticate(token)));

    expect(callers.map(({ username }) => username)).toEqual(Array.from({ length: 20 }, () => "bob"));
    expect(new Set(callers).size).toBe(1);
    expect(log.lines).toHaveLength(1);
  });

  it("looks at the file twice a second", async () => {
    const { tokens, authenticator, clock, log } = await openWorld();
    const token = await tokens.grant("bob");

    clock.advance(500);
    await until(() => log.lines.length > 0);

    expect(authenticator.authenticate(token)).toMatchObject({ username: "bob" });
  });

  it("goes on with the tokens that it knows while the file can't be read, and says so once", async () => {
    const { tokens, authenticator, clock, log, token } = await openWorld();
    const caller = await authenticator.authenticate(token);
    const whole = readFileSync(tokens.path);

    writeFileSync(tokens.path, "{");
    clock.advance(500);
    await until(() => log.lines.length === 1);
    for (let looks = 0; looks < 3; looks++) {
      await until(() => clock.timerCount === 1);
      clock.advance(500);
    }
    rmSync(tokens.path);
    await until(() => clock.timerCount === 1);
    clock.advance(500);
    await until(() => log.lines.length === 2);

    expect(log.lines.map(({ level }) => level)).toEqual(["error", "error"]);
    expect(authenticator.authenticate(token)).toBe(caller);
    expect(caller.isExpired).toBe(false);

    writeFileSync(tokens.path, whole);
    await until(() => clock.timerCount === 1);
    clock.advance(500);
    await until(() => log.lines.length === 3);
    expect(authenticator.authenticate(token)).toBe(caller);
  });

  it("refuses a token that has run out, also after a restart", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const tokens = new Tokens(clock);
    const { token } = await issueToken(
      tokens.path,
      { username: "alice", role: "viewer", databases: ["*"], lifeMs: 1_000 },
      clock,
    );
    clock.advance(1_000);

    const authenticator = await TokenAuthenticator.open(tokens.path, { clock, log: new RecordingLog() });

    expect(() => authenticator.authenticate(token)).toThrow(REFUSED);
  });

  it("looks at nothing any more once it is closed", async () => {
    const { authenticator, clock } = await openWorld();

    authenticator.close();
    authenticator.close();

    expect(clock.timerCount).toBe(0);
  });
});

async function openWorld() {
  const [clock, log, tokens] = [new ManualClock(1_700_000_000_000), new RecordingLog(), new Tokens()];
  const token = await tokens.grant("alice");
  const authenticator = await TokenAuthenticator.open(tokens.path, { clock, log });
  return { clock, log, tokens, token, authenticator };
}
