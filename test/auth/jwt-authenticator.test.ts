import { generateKeyPairSync, createHmac, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import type { KeySource } from "../../src/auth/auth-spec.js";
import type { Caller } from "../../src/auth/caller.js";
import { JwtAuthenticator } from "../../src/auth/jwt-authenticator.js";
import { openJwtKeys } from "../../src/auth/jwt-keys.js";
import { silentLog } from "../../src/util/log.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { configOf } from "../kit/server/server.js";

const NOW_S = 1_800_000_000;
const SECRET = "a secret of at least thirty-two bytes, as required";
const TERMS = { issuer: "https://login.example", audience: "tidemark" };
const MAPPING = configOf({}).jwt;
const CLAIMS = { sub: "alice", role: "reporter", databases: ["movies", "Staging-*"] };
const INVALID = {
  code: "UNAUTHENTICATED",
  message: "Invalid or expired token. Request a new one from the operator of this server.",
};

const RSA = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const OTHER_RSA = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const PEM = String(RSA.publicKey.export({ type: "spki", format: "pem" }));

describe("A JSON Web Token", () => {
  it("identifies a caller with a role and databases until it expires", async () => {
    const { authenticator } = await openAuthenticator(secretFile());

    const caller = await authenticator.authenticate(await signed());

    expect(caller.rights).toEqual({
      id: expect.stringMatching(/^jwt-[0-9a-f]{16}$/) as unknown,
      username: "alice",
      role: "reporter",
      databases: ["movies", "staging-*"],
      job: undefined,
      expiresAt: (NOW_S + 60) * 1_000,
    });
  });

  it("can be limited to one job, by default of its own user", async () => {
    const { authenticator } = await openAuthenticator(secretFile());
    const jobOf = async (job: object): Promise<unknown> =>
      (await authenticator.authenticate(await signed({ claims: { job } }))).rights.job;

    expect(await jobOf({ database: "Movies", jobId: "j" })).toEqual({
      database: "movies",
      username: "alice",
      jobId: "j",
    });
    expect(await jobOf({ database: "movies", username: "bob", jobId: "j" })).toMatchObject({
      username: "bob",
    });
  });

  it("can't be created by the server to share a job", async () => {
    const { authenticator } = await openAuthenticator(secretFile());

    await expect(authenticator.shareJob()).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("Request a token with the claim `job` from that issuer") as string,
    });
  });

  it("can list its databases in one string", async () => {
    const { authenticator } = await openAuthenticator(secretFile());

    const caller = await authenticator.authenticate(await signed({ claims: { databases: "a, B-*" } }));

    expect(caller.rights.databases).toEqual(["a", "b-*"]);
  });

  it("yields the same caller until it expires, then an error", async () => {
    const { authenticator, clock } = await openAuthenticator(secretFile());
    const token = await signed();
    const first = await authenticator.authenticate(token);

    const second = authenticator.authenticate(token);
    clock.advance(60_000);

    expect(second).toBe(first);
    expect(() => authenticator.authenticate(token)).toThrow(expect.objectContaining(INVALID));
  });

  it.each<[string, () => Promise<string>]>([
    ["it has expired", () => signed({ exp: NOW_S })],
    ["it is not valid yet", () => signed({ claims: { nbf: NOW_S + 60 } })],
    ["it was issued in the future", () => signed({ claims: { iat: NOW_S + 60 } })],
    ["it never expires", () => signed({ exp: undefined })],
    ["it has another issuer", () => signed({ claims: { iss: "https://evil.example" } })],
    ["it has another audience", () => signed({ claims: { aud: "another" } })],
    ["it is signed with another secret", () => signed({ secret: `${SECRET}!` })],
    ["it is signed with an algorithm that is not allowed", () => signed({ alg: "HS512" })],
    ["it is not signed", async () => unsigned()],
    ["one of its characters is changed", async () => tampered(await signed())],
    ["it is too long", () => signed({ claims: { padding: "x".repeat(10_000) } })],
    ["it is not a JWT", async () => "tm_nothing"],
    ["it is empty", async () => ""],
  ])("is rejected without a reason when %s", async (_, makeToken) => {
    const { authenticator } = await openAuthenticator(secretFile());
    const token = await makeToken();

    await expect((async () => authenticator.authenticate(token))()).rejects.toMatchObject({
      ...INVALID,
      reason: expect.not.stringMatching(/eyJ|tm_/) as unknown,
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["names no user", { sub: undefined }, "its claim sub has no valid username (--jwt-username-claim)"],
    ["has an invalid username", { sub: "a\u0000b" }, "its claim sub has no valid username"],
    ["has no role", { role: undefined }, "its claim role grants no role: expected viewer, reporter, admin"],
    ["has an unknown role", { role: "root" }, "its claim role grants no role"],
    ["has no databases", { databases: undefined }, "its claim databases grants no database"],
    ["has no valid databases", { databases: ["", 7] }, "its claim databases grants no database"],
  ])(
    "that %s is FORBIDDEN, with the reason, because its signature is valid",
    async (_case, claims, reason) => {
      const { authenticator } = await openAuthenticator(secretFile());
      const token = await signed({ claims });

      await expect(authenticator.authenticate(token)).rejects.toMatchObject({
        code: "FORBIDDEN",
        message: expect.stringContaining(`The token is valid, but ${reason}`) as unknown,
        reason: expect.stringContaining(reason) as unknown,
      });
    },
  );

  it("is required, and the error says how to send it", async () => {
    const { authenticator } = await openAuthenticator(secretFile());

    expect(() => authenticator.authenticate(undefined)).toThrow("Authorization: Bearer");
  });
});

describe("The keys of tokens", () => {
  const signedByRsa = (key: KeyObject = RSA.privateKey, kid?: string): Promise<string> =>
    signed({ alg: "RS256", secret: key, kid });

  it("can be a public key in a file", async () => {
    const { authenticator } = await openAuthenticator({ kind: "key-file", path: fileWith(PEM) });

    expect(await usernameBy(authenticator, await signedByRsa())).toBe("alice");
    await expect(usernameBy(authenticator, await signedByRsa(OTHER_RSA.privateKey))).rejects.toMatchObject(
      INVALID,
    );
  });

  it("are never used as a secret if they are public", async () => {
    const { authenticator } = await openAuthenticator({ kind: "key-file", path: fileWith(PEM) });

    await expect(usernameBy(authenticator, signedByHand(PEM))).rejects.toMatchObject(INVALID);
  });

  it("can be a key set in a file", async () => {
    const path = fileWith(JSON.stringify({ keys: [await jwk(RSA.publicKey, "one")] }));
    const { authenticator } = await openAuthenticator({ kind: "jwks-file", path });

    expect(await usernameBy(authenticator, await signedByRsa(RSA.privateKey, "one"))).toBe("alice");
    await expect(usernameBy(authenticator, await signedByRsa(RSA.privateKey, "two"))).rejects.toMatchObject(
      INVALID,
    );
  });

  it("can be fetched, once for many tokens", async () => {
    const issuer = await serveKeys(JSON.stringify({ keys: [await jwk(RSA.publicKey, "one")] }));
    const { authenticator } = await openAuthenticator({ kind: "jwks-url", url: issuer.url });

    for (const kid of ["one", "one", "two", "three"])
      await usernameBy(authenticator, await signedByRsa(RSA.privateKey, kid)).catch(() => undefined);

    expect(issuer.requests()).toBe(1);
  });

  it.each([
    ["are too large", 200, `{ "keys": []${" ".repeat(2_000_000)}}`],
    ["fail to load", 500, ""],
    ["are not a key set", 200, "[]"],
  ])("cause UNAVAILABLE and are not fetched again immediately when they %s", async (_, status, body) => {
    const issuer = await serveKeys(body, status);
    const { authenticator } = await openAuthenticator({ kind: "jwks-url", url: issuer.url });

    for (let time = 0; time < 3; time++)
      await expect(usernameBy(authenticator, await signedByRsa())).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });

    expect(issuer.requests()).toBe(1);
  });

  it.each<[string, () => KeySource, string]>([
    ["a short secret", () => ({ kind: "secret-file", path: fileWith("short") }), "shorter than 32 bytes"],
    ["a variable that is not set", () => ({ kind: "secret-variable", name: "NO_SUCH" }), "NO_SUCH"],
    [
      "a private key",
      () => ({
        kind: "key-file",
        path: fileWith(String(RSA.privateKey.export({ type: "pkcs8", format: "pem" }))),
      }),
      "private key",
    ],
    ["no key", () => ({ kind: "key-file", path: fileWith("key") }), "no public key"],
    ["no set", () => ({ kind: "jwks-file", path: fileWith("{}") }), "no JSON Web Key Set"],
    ["no file", () => ({ kind: "key-file", path: "/nowhere" }), "cannot read the file"],
  ])("are rejected when the source is %s", async (_, source, message) => {
    await expect(openAuthenticator(source())).rejects.toThrow(message);
  });

  it("must match the allowed algorithms", async () => {
    await expect(openAuthenticator(secretFile(), ["RS256"])).rejects.toThrow("HS256, HS384 or HS512");
    await expect(openAuthenticator({ kind: "key-file", path: fileWith(PEM) }, ["HS256"])).rejects.toThrow(
      "RS256",
    );
    await expect(openAuthenticator({ kind: "key-file", path: fileWith(PEM) }, ["none"])).rejects.toThrow(
      "none",
    );
  });
});

async function openAuthenticator(source: KeySource, algorithms?: readonly string[]) {
  const clock = new ManualClock(NOW_S * 1_000);
  const options = { jwt: { ...MAPPING, ...TERMS, algorithms }, clock, log: silentLog };
  return { authenticator: new JwtAuthenticator(await openJwtKeys(source, algorithms), options), clock };
}

async function usernameBy(authenticator: JwtAuthenticator, token: string): Promise<string> {
  const caller: Caller = await authenticator.authenticate(token);
  return caller.username;
}

function secretFile(): KeySource {
  return { kind: "secret-file", path: fileWith(`${SECRET}\n`) };
}

function fileWith(text: string): string {
  const path = join(temporaryFolder(), "file");
  writeFileSync(path, text);
  return path;
}

interface Signing {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly exp?: number | undefined;
  readonly alg?: string;
  readonly secret?: string | KeyObject;
  readonly kid?: string | undefined;
}

async function signed(signing: Signing = {}): Promise<string> {
  const { claims = {}, alg = "HS256", secret = SECRET, kid } = signing;
  const exp = "exp" in signing ? signing.exp : NOW_S + 60;
  const key = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  const payload = { iss: TERMS.issuer, aud: TERMS.audience, ...CLAIMS, ...(exp && { exp }), ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg, ...(kid && { kid }) }).sign(key);
}

function unsigned(): string {
  const payload = { iss: TERMS.issuer, aud: TERMS.audience, ...CLAIMS, exp: NOW_S + 60 };
  return `${part({ alg: "none" })}.${part(payload)}.`;
}

/** Forges a signature with the public key as an HMAC secret. */
function signedByHand(secret: string): string {
  const payload = { iss: TERMS.issuer, aud: TERMS.audience, ...CLAIMS, exp: NOW_S + 60 };
  const text = `${part({ alg: "HS256" })}.${part(payload)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Changes the middle of the claims: the last bits of a signature may be padding. */
function tampered(token: string): string {
  const at = Math.floor(token.length / 2);
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

async function jwk(key: KeyObject, kid: string): Promise<object> {
  return { ...(await exportJWK(key)), kid, alg: "RS256", use: "sig" };
}

/** Serves a key set and counts the requests. */
async function serveKeys(body: string, status = 200): Promise<{ readonly url: string; requests(): number }> {
  let requests = 0;
  const server = createServer((_, response) => {
    requests++;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { url: `http://127.0.0.1:${port}/jwks.json`, requests: () => requests };
}
