import { createHash, randomBytes } from "node:crypto";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import type { Role } from "./caller.js";
import { changeTokens, parseTokenRecord, type ChangeOptions, type TokenRecord } from "./token-file.js";

/** The rights and lifetime of a new token. */
export interface TokenGrant {
  readonly username: string;
  readonly role: Role;
  /** Database names; `*` stands for any characters. */
  readonly databases: readonly string[];
  /** Restricts the token to this job. */
  readonly job?: { readonly database: string; readonly username: string; readonly jobId: string } | undefined;
  /** The user who shares the job. */
  readonly sharedBy?: string | undefined;
  readonly note?: string | undefined;
  /** Lifetime in milliseconds. Default: until revoked. */
  readonly lifeMs?: number | undefined;
}

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
}

/**
 * Creates a token and stores its record, but not the token itself. Expired tokens are dropped from the file.
 * @throws Error as `changeTokens`, and for invalid names.
 */
export async function issueToken(
  path: string,
  { lifeMs, databases, ...grant }: TokenGrant,
  clock: Clock,
  options?: ChangeOptions,
): Promise<IssuedToken> {
  const token = `${PREFIX}${randomBytes(32).toString("base64url")}`;
  const now = clock.now();
  const expiresAt = lifeMs === undefined ? undefined : now + lifeMs;
  const record = parseTokenRecord({
    id: randomBytes(4).toString("hex"),
    sha256: hashToken(token),
    ...grant,
    databases: [...databases],
    createdAt: new Date(now).toISOString(),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
  });
  await changeTokens(path, (tokens) => [...tokens.filter((each) => !isExpired(each, now)), record], options);
  return { token, expiresAt };
}

function isExpired({ expiresAt }: TokenRecord, now: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now;
}

/** Revokes a token; a server that reads the file disconnects its callers. @throws Error as `changeTokens`; TidemarkError NOT_FOUND for an unknown id. */
export async function revokeToken(path: string, id: string): Promise<void> {
  await changeTokens(path, (tokens) => {
    const left = tokens.filter((token) => token.id !== id);
    if (left.length === tokens.length)
      throw new TidemarkError("NOT_FOUND", `there is no token ${JSON.stringify(id)} in ${path}`);
    return left;
  });
}

/** The hash under which a token is stored: see `TokenRecord`. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Lets people and secret scanners recognize a token. */
const PREFIX = "tm_";
