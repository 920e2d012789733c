import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import { unavailable } from "../protocol/tidemark-error.js";
import type { KeySource } from "./auth-spec.js";
import { fetchText } from "./fetch-text.js";

/** The keys that verify signatures, and their algorithms: for secrets or for public keys, never for both. */
export interface JwtKeys {
  readonly find: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
}

/**
 * Opens the keys of a source.
 * @param allowed the algorithms that the operator allows; undefined: the defaults of the key type.
 * @throws Error if the keys or the algorithms can't be used.
 */
export async function openJwtKeys(
  source: KeySource | { readonly kind: "finder"; readonly find: JWTVerifyGetKey },
  allowed: readonly string[] | undefined,
): Promise<JwtKeys> {
  const isSecret = source.kind === "secret-variable" || source.kind === "secret-file";
  const algorithms = allowed ?? (isSecret ? ["HS256"] : ["RS256", "PS256", "ES256", "EdDSA"]);
  const mismatch = algorithms.find((name) => !(isSecret ? BY_SECRET : BY_KEY).test(name));
  if (mismatch === undefined) return { algorithms, find: await finderOf(source) };
  const known = isSecret ? "HS256, HS384 or HS512" : "RS256, PS256, ES256 (384, 512) or EdDSA";
  throw new Error(
    `the algorithm ${JSON.stringify(mismatch)} does not match the type of the keys: expected ${known}`,
  );
}

const BY_SECRET = /^HS(256|384|512)$/;
const BY_KEY = /^((RS|PS|ES)(256|384|512)|EdDSA|Ed25519)$/;

async function finderOf(source: Parameters<typeof openJwtKeys>[0]): Promise<JWTVerifyGetKey> {
  switch (source.kind) {
    case "finder":
      return source.find;
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
  throw new Error(`the secret in ${where} is shorter than ${SECRET_BYTES_MIN} bytes and could be guessed`);
}

const SECRET_BYTES_MIN = 32;

function publicKeyOf(pem: string, path: string): KeyObject {
  if (pem.includes("PRIVATE KEY"))
    throw new Error(`the file ${path} contains a private key: provide the public key`);
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Error(`the file ${path} contains no public key in PEM format`, { cause });
  }
}

function keySetOf(json: string, path: string): JWTVerifyGetKey {
  try {
    return parseKeySet(json);
  } catch (cause) {
    throw new Error(`the file ${path} contains no JSON Web Key Set`, { cause });
  }
}

/** @throws Error for an invalid key set. */
function parseKeySet(json: string): JWTVerifyGetKey {
  return createLocalJWKSet(JSON.parse(json) as Parameters<typeof createLocalJWKSet>[0]); // it validates its argument
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`cannot read the file ${path}`, { cause });
  }
}

/**
 * Finds keys in the key set at a URL. The set is fetched on demand, cached for ten minutes, and fetched again for an
 * unknown key. If that fails, the caller is not at fault: the error is UNAVAILABLE.
 */
export function remoteKeys(url: string): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), {
    [customFetch]: patientFetch(),
    cooldownDuration: COOLDOWN_MS,
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (FAULTS_OF_TOKENS.some((fault) => error instanceof fault)) throw error;
      throw unavailable("Cannot fetch the keys that verify tokens. Try again later.", error);
    }
  };
}

const FAULTS_OF_TOKENS = [
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSENotSupported,
] as const;

/** After a failure, waits before it fetches again: any client can trigger a fetch. */
function patientFetch(): (url: string, options: RequestInit) => Promise<Response> {
  let failedAt = -Infinity;
  return async (url, options) => {
    if (performance.now() - failedAt < RETRY_AFTER_MS)
      throw new Error("the last request for the keys failed moments ago");
    try {
      const json = await fetchText(url, options);
      parseKeySet(json);
      return new Response(json);
    } catch (error) {
      failedAt = performance.now();
      throw error;
    }
  };
}

const RETRY_AFTER_MS = 1_000;
/** How soon an unknown key makes the server fetch the keys again: the issuer may have replaced them. */
const COOLDOWN_MS = 5_000;
