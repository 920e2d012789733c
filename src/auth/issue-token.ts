import { createHash, randomBytes } from "node:crypto";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import type { Role } from "./roles.js";
import { changeTokens, parseTokenRecord } from "./token-file.js";

/** What a new token is for. */
export interface TokenGrant {
  readonly username: string;
  readonly role: Role;
  /** Names of databases, with `*` for any characters. */
  readonly databases: readonly string[];
  /** It is for this one job alone. */
  readonly job?: { readonly database: string; readonly username: string; readonly jobId: string } | undefined;
  readonly note?: string | undefined;
  /** How long it is good, milliseconds; left out: until it is revoked. */
  readonly lifeMs?: number | undefined;
}

/** Makes a token and writes down what it is for. The token itself is kept nowhere. @throws Error as `changeTokens`, and for names that are none */
export async function issueToken(
  path: string,
  { lifeMs, databases, ...grant }: TokenGrant,
  clock: Clock,
): Promise<{ readonly token: string }> {
  const token = `${PREFIX}${randomBytes(32).toString("base64url")}`;
  const now = clock.now();
  const record = parseTokenRecord({
    id: randomBytes(4).toString("hex"),
    sha256: hashToken(token),
    ...grant,
    databases: [...databases],
    createdAt: new Date(now).toISOString(),
    expiresAt: lifeMs === undefined ? undefined : new Date(now + lifeMs).toISOString(),
  });
  await changeTokens(path, (tokens) => [...tokens, record]);
  return { token };
}

/** Makes a token good no more; a server that reads the file throws out who came with it. @throws Error as `changeTokens`, and TidemarkError NOT_FOUND where there is none with this id. */
export async function revokeToken(path: string, id: string): Promise<void> {
  await changeTokens(path, (tokens) => {
    const left = tokens.filter((token) => token.id !== id);
    if (left.length === tokens.length)
      throw new TidemarkError("NOT_FOUND", `there is no token ${JSON.stringify(id)} in ${path}`);
    return left;
  });
}

/** What is kept of a token: see `TokenRecord`. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** So that people, and what looks for secrets in places where none should be, know what it is. */
const PREFIX = "tm_";
