import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { errorCodeOf } from "../util/assert.js";
import {
  DATABASE_SCHEMA,
  JOB_ID_SCHEMA,
  DATABASE_PATTERN_SCHEMA,
  ROLE_SCHEMA,
  USERNAME_SCHEMA,
} from "./token-schemas.js";

const RECORD = z.strictObject({
  /** Names the token, and is not it. */
  id: z.string().min(1),
  /** Of the token, in hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  username: USERNAME_SCHEMA,
  role: ROLE_SCHEMA,
  databases: z.array(DATABASE_PATTERN_SCHEMA),
  /** It is for this one job alone. */
  job: z
    .strictObject({ database: DATABASE_SCHEMA, username: USERNAME_SCHEMA, jobId: JOB_ID_SCHEMA })
    .optional(),
  createdAt: z.iso.datetime(),
  /** Left out where it never runs out. */
  expiresAt: z.iso.datetime().optional(),
  note: z.string().optional(),
});

const FILE = z.strictObject({ tokens: z.array(RECORD) });

/**
 * The file of `--auth tokens:FILE`: JSON, with what each token is for, and of the token itself its SHA-256 alone. A
 * token has 256 random bits, so nobody can try out what might be behind a hash, and a slow hash as for passwords
 * would only make each request slow.
 */
export type TokenRecord = Readonly<z.output<typeof RECORD>>;

/** Reads what is to be written down of a token. @throws Error whose message says what is wrong. */
export function parseTokenRecord(record: z.input<typeof RECORD>): TokenRecord {
  return RECORD.parse(record);
}

/** @throws Error whose message says what is wrong with the file. */
export async function readTokens(path: string): Promise<readonly TokenRecord[]> {
  try {
    return FILE.parse(JSON.parse(await readFile(path, "utf8"))).tokens;
  } catch (cause) {
    throw new Error(`the tokens file ${path} can't be read: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Puts what `change` makes of the tokens in their place; a file that is not there yet is an empty one. Who reads it
 * meanwhile has the old or the new one, and who changes it meanwhile waits.
 * @throws Error as `readTokens`, what `change` throws, and where it can't be written.
 */
export async function changeTokens(
  path: string,
  change: (tokens: readonly TokenRecord[]) => readonly TokenRecord[],
): Promise<void> {
  const lock = `${path}.lock`;
  await (await openLock(lock)).close();
  try {
    const tokens = change((await isThere(path)) ? await readTokens(path) : []);
    await writeWhole(path, `${JSON.stringify({ tokens }, null, 2)}\n`);
  } finally {
    await rm(lock, { force: true });
  }
}

/** What is the same as long as the file is. */
export async function fileStampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch {
    return "not there";
  }
}

/** On the disk before it has the name, and for its owner's eyes only. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function openLock(lock: string): ReturnType<typeof open> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(lock, "wx", 0o600);
    } catch (error) {
      if (errorCodeOf(error) === "ENOENT")
        throw new Error(`the tokens can't be kept in ${dirname(lock)}: there is no such folder`, {
          cause: error,
        });
      if (errorCodeOf(error) !== "EEXIST") throw error;
      if (attempt === LOCK_ATTEMPTS)
        throw new Error(`the tokens are being changed: if nobody does, remove ${lock}`, { cause: error });
      await setTimeout(LOCK_PAUSE_MS);
    }
  }
}

const LOCK_ATTEMPTS = 100;
const LOCK_PAUSE_MS = 50;

async function isThere(path: string): Promise<boolean> {
  return (await fileStampOf(path)) !== "not there";
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const [issue] = cause.issues;
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  if (errorCodeOf(cause) === "ENOENT") return "it is not there. Make one with: tidemark token create";
  if (cause instanceof SyntaxError) return "it is no JSON";
  return cause instanceof Error ? cause.message : String(cause);
}
