import { parseDuration } from "../util/duration.js";
import { matchesPattern, parseDatabasePattern } from "./database-pattern.js";
import type { DatabaseName } from "./names.js";
import { endOf, type UserTask } from "./user-task.js";

/**
 * How long a job stays after its end. The time depends on its database, and FAILED jobs have their own, usually
 * longer one, so that there is time to investigate.
 *
 *     const retention = { ended: parseDurations("24h,staging-*=1h", "24h"), failed: parseDurations("7d", "7d") };
 *     expiresAt(userTask, retention)   // milliseconds since 1970; null while the job may continue
 */
export interface Retention {
  /** For jobs that are FINISHED, CANCELED or LOST. */
  readonly ended: DatabaseDurations;
  /** For jobs whose root FAILED. */
  readonly failed: DatabaseDurations;
}

/** A duration for each database: that of the first pattern that matches its name. */
export interface DatabaseDurations {
  readonly byPattern: readonly PatternDuration[];
  /** The duration if no pattern matches, in milliseconds. */
  readonly otherwiseMs: number;
}

interface PatternDuration {
  /** Lower case, NFC. `*` matches any characters, or none. */
  readonly pattern: string;
  readonly ms: number;
}

/** When the job expires, in milliseconds since 1970; null while it may continue. */
export function expiresAt(userTask: UserTask, retention: Retention): number | null {
  const endedAt = endOf(userTask);
  return endedAt === null ? null : endedAt + retentionMsOf(userTask, retention);
}

/** How long the job stays after its end, in milliseconds. */
export function retentionMsOf({ database, task }: UserTask, { ended, failed }: Retention): number {
  return durationFor(database, task.status === "FAILED" ? failed : ended);
}

/** The retention of a database, in milliseconds. */
export function durationFor(database: DatabaseName, { byPattern, otherwiseMs }: DatabaseDurations): number {
  return byPattern.find(({ pattern }) => matchesPattern(database, pattern))?.ms ?? otherwiseMs;
}

/** The shortest retention of any job, in milliseconds. */
export function shortestRetentionMs({ ended, failed }: Retention): number {
  const durations = [ended, failed].flatMap(({ byPattern, otherwiseMs }) => [
    otherwiseMs,
    ...byPattern.map(({ ms }) => ms),
  ]);
  return Math.min(...durations);
}

/**
 * Parses a list such as "24h,staging-*=1h,neo4j=7d": PATTERN=DURATION parts, and at most one duration without a
 * pattern for the databases that match none. A comma in a database name is written as `*`.
 *
 * @param otherwise the duration if the list has none without a pattern
 * @throws RangeError with a message that says what is wrong
 */
export function parseDurations(text: string, otherwise: string): DatabaseDurations {
  const parts = text.split(",").map((part) => parsePart(part.trim()));
  checkTwice(parts.map(({ pattern }) => pattern));
  return {
    byPattern: parts.flatMap(({ pattern, ms }) => (pattern === undefined ? [] : [{ pattern, ms }])),
    otherwiseMs: (parts.find(({ pattern }) => pattern === undefined) ?? parsePart(otherwise)).ms,
  };
}

/** Long enough for every use, and small enough to be added to any date. */
const LONGEST = "3650d";

/** A database name may contain "=", a duration may not. */
function parsePart(part: string): { pattern: string | undefined; ms: number } {
  const at = part.lastIndexOf("=");
  const duration = part.slice(at + 1).trim();
  const ms = parseDuration(duration);
  if (ms > parseDuration(LONGEST)) throw new RangeError(`"${duration}" is longer than ${LONGEST}`);
  return { pattern: at === -1 ? undefined : patternOf(part.slice(0, at).trim()), ms };
}

function patternOf(text: string): string {
  if (text === "") throw new RangeError(`the database pattern before "=" is missing`);
  return parseDatabasePattern(text);
}

/** A repeated pattern is a mistake, because the second one would never apply. */
function checkTwice(patterns: readonly (string | undefined)[]): void {
  const at = patterns.findIndex((pattern, index) => patterns.indexOf(pattern) < index);
  if (at === -1) return;
  const pattern = patterns[at];
  throw new RangeError(
    pattern === undefined ? "only one duration may have no pattern" : `the pattern "${pattern}" is repeated`,
  );
}
