import type { Limits } from "../../protocol/limits.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../../tasks/names.js";
import type { UserTask } from "../../tasks/user-task.js";
import type { JobAddress } from "./job-arguments.js";

/**
 * Formats an id that is unique among all databases: base64url of a JSON array. Whatever characters the names
 * contain, no two jobs or tasks share an id.
 */
export function formatUserTaskId({ database, username, jobId }: JobAddress): string {
  return encode([database, username, jobId]);
}

/** Formats the id of a task of one attempt. It is for caches only; `parseUserTaskId` rejects it. */
export function formatTaskId({ database, username, jobId, attempt }: UserTask, path: string): string {
  return encode([database, username, jobId, attempt, path]);
}

/** @throws TidemarkError BAD_USER_INPUT if `id` is not the id of a job. */
export function parseUserTaskId(id: string, limits: Limits): JobAddress {
  const [database, username, jobId] = decodeNames(id);
  if (database === undefined || username === undefined || jobId === undefined) throw notAnId(id);
  const address = {
    database: parseDatabaseName(database, limits),
    username: parseUsername(username, limits),
    jobId: parseJobId(jobId, limits),
  };
  if (formatUserTaskId(address) !== id) throw notAnId(id);
  return address;
}

function encode(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

function decodeNames(id: string): string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(id, "base64url").toString());
    return Array.isArray(parts) && parts.every((part) => typeof part === "string") ? parts : [];
  } catch {
    return [];
  }
}

function notAnId(id: string): TidemarkError {
  const shown = id.length > 40 ? `${id.slice(0, 40)}…` : id;
  return new TidemarkError(
    "BAD_USER_INPUT",
    `Invalid id ${JSON.stringify(shown)}: expected the id of a job, as the server returned it.`,
  );
}
