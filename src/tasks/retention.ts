import { parseDuration } from "../util/duration.js";
import { matchesPattern, parseDatabasePattern } from "./database-pattern.js";
import type { DatabaseName } from "./names.js";
import { endOf, type UserTask } from "./user-task.js";

/**
 * How long a job stays after its end: by the pattern that the name of its database matches, and apart for
 * what FAILED, as somebody will want to know why.
 *
 *     const retention = { ended: parseDurations("24h,staging-*=1h", "24h"), failed: parseDurations("7d", "7d") };
 *     expiresAt(userTask, retention)   // milliseconds since 1970; null while it may still go on
 */
export interface Retention {
  /** Of jobs that FINISHED, were CANCELED or are LOST. */
  readonly ended: DatabaseDurations;
  /** Of jobs whose root FAILED. */
  readonly failed: DatabaseDurations;
}

/** Durations by the name of the database: the first pattern that matches counts. */
export interface DatabaseDurations {
  readonly byPattern: readonly PatternDuration[];
  /** Where no pattern matches, in milliseconds. */
  readonly otherwiseMs: number;
}

interface PatternDuration {
  /** In the form of database names: lower-cased, NFC. `*` stands for any characters, also for none. */
  readonly pattern: string;
  readonly ms: number;
}

/** When the job will be forgotten, milliseconds since 1970; null while it may still go on. */
export function expiresAt(userTask: UserTask, { ended, failed }: Retention): number | null {
  const endedAt = endOf(userTask);
  if (endedAt === null) return null;
  return endedAt + durationFor(userTask.database, userTask.task.status === "FAILED" ? failed : ended);
}

/** How long what ended in `database` stays, in milliseconds. */
export function durationFor(database: DatabaseName, { byPattern, otherwiseMs }: DatabaseDurations): number {
  return byPattern.find(({ pattern }) => matchesPattern(database, pattern))?.ms ?? otherwiseMs;
}

/** The shortest time that a job may stay, in milliseconds. */
export function shortestRetentionMs({ ended, failed }: Retention): number {
  const durations = [ended, failed].flatMap(({ byPattern, otherwiseMs }) => [
    otherwiseMs,
    ...byPattern.map(({ ms }) => ms),
  ]);
  return Math.min(...durations);
}

/**
 * Reads a list such as "24h,staging-*=1h,neo4j=7d": PATTERN=DURATION parts, and at most one duration without a
 * pattern, for the databases that match none. In the place of a comma in a name one writes `*`.
 *
 * @param otherwise what counts where the list has no duration without a pattern
 * @throws RangeError whose message says what is wrong
 */
export function parseDurations(text: string, otherwise: string): DatabaseDurations {
  const parts = text.split(",").map((part) => parsePart(part.trim()));
  checkTwice(parts.map(({ pattern }) => pattern));
  return {
    byPattern: parts.flatMap(({ pattern, ms }) => (pattern === undefined ? [] : [{ pattern, ms }])),
    otherwiseMs: (parts.find(({ pattern }) => pattern === undefined) ?? parsePart(otherwise)).ms,
  };
}

/** Nobody needs longer, and a time of day with it added is still one. */
const LONGEST = "3650d";

/** A name may have a "=" in it, a duration has none. */
function parsePart(part: string): { pattern: string | undefined; ms: number } {
  const at = part.lastIndexOf("=");
  const duration = part.slice(at + 1).trim();
  const ms = parseDuration(duration);
  if (ms > parseDuration(LONGEST)) throw new RangeError(`"${duration}" is longer than ${LONGEST}`);
  return { pattern: at === -1 ? undefined : patternOf(part.slice(0, at).trim()), ms };
}

function patternOf(text: string): string {
  if (text === "") throw new RangeError(`a pattern is missing before "="`);
  return parseDatabasePattern(text);
}

/** What is written twice is a slip: the second would never count. */
function checkTwice(patterns: readonly (string | undefined)[]): void {
  const at = patterns.findIndex((pattern, index) => patterns.indexOf(pattern) < index);
  if (at === -1) return;
  const pattern = patterns[at];
  throw new RangeError(
    pattern === undefined ? "two durations have no pattern" : `the pattern "${pattern}" is there twice`,
  );
}
