import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import { unavailable } from "../protocol/tidemark-error.js";
import type { KeySource } from "./auth-spec.js";

/** What signatures are checked with, and the algorithms that they may be made by: never both kinds. */
export interface JwtKeys {
  readonly find: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

/**
 * The keys of a source. Those of a URL are fetched when they are needed, and kept for ten minutes; for an unknown key
 * they are fetched anew twice a minute at most.
 * @param asked the algorithms that the operator allows; undefined: the usual ones of the kind.
 * @throws Error whose message says what is wrong.
 */
export async function openJwtKeys(source: KeySource, asked: readonly string[] | undefined): Promise<JwtKeys> {
  const isSecret = source.kind === "secret-variable" || source.kind === "secret-file";
  const algorithms = asked ?? (isSecret ? ["HS256"] : ["RS256", "PS256", "ES256", "EdDSA"]);
  const stranger = algorithms.find((name) => !(isSecret ? BY_SECRET : BY_KEY).test(name));
  if (stranger === undefined) return { algorithms, find: await finderOf(source) };
  const known = isSecret ? "HS256, HS384 and HS512" : "RS256, PS256, ES256 (384, 512) and EdDSA";
  throw new Error(
    `the algorithm ${JSON.stringify(stranger)} does not go with these keys: there are ${known}`,
  );
}

const BY_SECRET = /^HS(256|384|512)$/;
const BY_KEY = /^((RS|PS|ES)(256|384|512)|EdDSA|Ed25519)$/;

async function finderOf(source: KeySource): Promise<JWTVerifyGetKey> {
  switch (source.kind) {
    case "secret-variable":
      return always(secretOf(process.env[source.name] ?? "", `the environment variable ${source.name}`));
    case "secret-file":
      return always(secretOf(await textOf(source.path), `the file ${source.path}`));
    case "key-file":
      return always(publicKeyOf(await textOf(source.path), source.path));
    case "jwks-file":
      return keySetOf(await textOf(source.path), source.path);
    case "jwks-url":
      return remoteKeys(source.url);
  }
}

function always(key: Uint8Array | KeyObject): JWTVerifyGetKey {
  return () => key;
}

function secretOf(text: string, where: string): Uint8Array {
  const secret = Buffer.from(text.trim());
  if (secret.length >= SECRET_BYTES_MIN) return secret;
  throw new Error(`the secret in ${where} is shorter than ${SECRET_BYTES_MIN} bytes: it could be guessed`);
}

const SECRET_BYTES_MIN = 32;

function publicKeyOf(pem: string, path: string): KeyObject {
  if (pem.includes("PRIVATE KEY"))
    throw new Error(`the file ${path} has a private key in it: give the public one`);
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Error(`the file ${path} has no public key in it, as PEM`, { cause });
  }
}

function keySetOf(json: string, path: string): JWTVerifyGetKey {
  try {
    return parseKeySet(json);
  } catch (cause) {
    throw new Error(`the file ${path} has no JSON Web Key Set in it`, { cause });
  }
}

/** @throws Error for what is none. */
function parseKeySet(json: string): JWTVerifyGetKey {
  return createLocalJWKSet(JSON.parse(json) as Parameters<typeof createLocalJWKSet>[0]); // it checks what it is given
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`the file ${path} can't be read`, { cause });
  }
}

/** That keys can't be fetched is not the fault of who asks. */
function remoteKeys(url: string): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), { [customFetch]: boundedFetch() });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (FAULTS_OF_TOKENS.some((fault) => error instanceof fault)) throw error;
      throw unavailable("The keys that tokens are signed with can't be fetched. Try again.", error);
    }
  };
}

const FAULTS_OF_TOKENS = [
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSENotSupported,
] as const;

/** Takes a bounded answer, and after a failure asks nobody for a while: whoever sends tokens could make us ask. */
function boundedFetch(): (url: string, options: RequestInit) => Promise<Response> {
  let failedAt = -Infinity;
  return async (url, options) => {
    if (performance.now() - failedAt < RETRY_AFTER_MS)
      throw new Error("the keys could not be fetched a moment ago");
    try {
      const response = await fetch(url, options);
      if (!response.ok) throw new Error(`the keys were answered with ${response.status}`);
      const json = await boundedText(response);
      parseKeySet(json);
      return new Response(json, { status: response.status });
    } catch (error) {
      failedAt = performance.now();
      throw error;
    }
  };
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > KEY_SET_BYTES_MAX) throw new Error(`the keys have more than ${KEY_SET_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const RETRY_AFTER_MS = 1_000;
const KEY_SET_BYTES_MAX = 1_000_000;
