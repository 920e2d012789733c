import { open, readFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { errorCodeOf } from "../util/assert.js";
import { InvalidUtf8Error, parseJsonBytes } from "../util/json-bytes.js";
import {
  DATABASE_SCHEMA,
  JOB_ID_SCHEMA,
  DATABASE_PATTERN_SCHEMA,
  ROLE_SCHEMA,
  USERNAME_SCHEMA,
} from "./token-schemas.js";

const RECORD = z.strictObject({
  /** Identifies the token without revealing it. */
  id: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  username: USERNAME_SCHEMA,
  role: ROLE_SCHEMA,
  databases: z.array(DATABASE_PATTERN_SCHEMA),
  /** Restricts the token to this job. */
  job: z
    .strictObject({ database: DATABASE_SCHEMA, username: USERNAME_SCHEMA, jobId: JOB_ID_SCHEMA })
    .optional(),
  /** The user who shared the job, if the server created the token. */
  sharedBy: USERNAME_SCHEMA.optional(),
  createdAt: z.iso.datetime(),
  /** Absent if the token never expires. */
  expiresAt: z.iso.datetime().optional(),
  note: z.string().optional(),
});

const FILE = z.strictObject({ tokens: z.array(RECORD) });

/**
 * A record in the file of `--auth tokens:FILE`: the rights of a token and its SHA-256. A token has 256 random bits, so
 * it can't be guessed from its hash. A slow password hash would only slow down each request.
 */
export type TokenRecord = Readonly<z.output<typeof RECORD>>;

/** @throws Error if the record is invalid. */
export function parseTokenRecord(record: z.input<typeof RECORD>): TokenRecord {
  return RECORD.parse(record);
}

/** @throws Error if the file can't be read or is invalid. */
export async function readTokens(path: string): Promise<readonly TokenRecord[]> {
  try {
    return FILE.parse(parseJsonBytes(await readFile(path))).tokens;
  } catch (cause) {
    throw new Error(`cannot read the tokens file ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Replaces the tokens by the result of `change`, atomically and under a lock.
 * @param options.mustExist whether a missing file is an error. Default: it counts as empty.
 * @param options.lockWaitMs how long to wait for another process. Default: 5 s.
 * @throws Error as `readTokens` and as `change`, or if the file can't be written.
 */
export async function changeTokens(
  path: string,
  change: (tokens: readonly TokenRecord[]) => readonly TokenRecord[],
  { mustExist = false, lockWaitMs = 5_000 }: ChangeOptions = {},
): Promise<void> {
  const lock = `${path}.lock`;
  await (await openLock(lock, lockWaitMs)).close();
  try {
    const tokens = change(mustExist || (await exists(path)) ? await readTokens(path) : []);
    await writeWhole(path, `${JSON.stringify({ tokens }, null, 2)}\n`);
  } finally {
    await rm(lock, { force: true });
  }
}

export interface ChangeOptions {
  readonly mustExist?: boolean;
  readonly lockWaitMs?: number;
}

/** Changes whenever the file, its owner or its mode does. */
export async function fileStampOf(path: string): Promise<string> {
  try {
    const { ino, ctimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${ctimeNs} ${size}`;
  } catch {
    return MISSING;
  }
}

/**
 * Syncs the file to disk before it is renamed. It keeps its owner and mode, so that the server can still read it
 * whoever runs the command. A new file can be read by its owner only.
 */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    if (await exists(path)) await copyAccess(path, file);
    await file.writeFile(text);
    await file.sync();
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function copyAccess(path: string, draft: FileHandle): Promise<void> {
  const { uid, gid, mode } = await stat(path);
  const own = await draft.stat();
  try {
    if (own.uid !== uid || own.gid !== gid) await draft.chown(uid, gid);
    await draft.chmod(mode & 0o777);
  } catch (cause) {
    throw new Error(
      `cannot keep the owner of ${path} (user ${uid}, group ${gid}), so nothing was changed. Run the command as that user or as root`,
      { cause },
    );
  }
}

async function openLock(lock: string, waitMs: number): ReturnType<typeof open> {
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    try {
      return await open(lock, "wx", 0o600);
    } catch (error) {
      if (errorCodeOf(error) === "ENOENT")
        throw new Error(`cannot write tokens to ${dirname(lock)}: the folder does not exist`, {
          cause: error,
        });
      if (errorCodeOf(error) !== "EEXIST") throw error;
      if (waitedMs >= waitMs)
        throw new Error(`another process is changing the tokens. If none is, remove ${lock}`, {
          cause: error,
        });
      await setTimeout(LOCK_PAUSE_MS);
    }
  }
}

const MISSING = "missing";
const LOCK_PAUSE_MS = 50;

async function exists(path: string): Promise<boolean> {
  return (await fileStampOf(path)) !== MISSING;
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const [issue] = cause.issues;
    return `${issue?.path.join(".")}: ${issue?.message}`;
  }
  if (errorCodeOf(cause) === "ENOENT") return "it does not exist. Create one with: tidemark token create";
  if (cause instanceof SyntaxError) return "it is not valid JSON";
  if (cause instanceof InvalidUtf8Error) return "it is not valid UTF-8. Save it as UTF-8";
  const code = errorCodeOf(cause);
  if (code === "EACCES") return "this user may not read it. Check its owner and mode";
  if (typeof code === "string") return `it cannot be read (${code})`;
  return cause instanceof Error ? cause.message : String(cause);
}
