/**
 * Limits that depend on each other. A server whose limits contradict each other would start, and fail later: a job that
 * one limit accepts could not be watched, stored or reported within another.
 */
import type { Limits } from "../protocol/limits.js";
import { CLIENT_NEEDS } from "./client-needs.js";
import { MEMORY_LEAST } from "./heap-share.js";

export interface LimitRule {
  /** The limit that must be large enough. */
  readonly limit: keyof Limits;
  /** The limits from which its least value follows. */
  readonly of: readonly (keyof Limits)[];
  readonly least: (limits: Limits) => number;
  /** The least value as text, for the reference page. */
  readonly formula: string;
  readonly reason: string;
}

/** Every rule. A limit that no rule names may be as low as 1. */
export const LIMIT_RULES: readonly LimitRule[] = [
  ...Object.entries(CLIENT_NEEDS).map(([limit, least]) => ({
    limit: limit as keyof Limits, // safe: the record has no other keys
    of: [],
    least: () => least,
    formula: String(least),
    reason: "Tidemark's own clients need it",
  })),
  ...(["memoryMax", "memoryPerDatabaseMax", "memoryPerUserMax"] as const).map((limit) => ({
    limit,
    of: [],
    least: () => MEMORY_LEAST,
    formula: String(MEMORY_LEAST),
    reason: "a few jobs must fit",
  })),
  {
    limit: "itemsPerAnswerMax",
    of: ["tasksPerTreeMax", "logLinesPerJobMax"],
    least: ({ tasksPerTreeMax, logLinesPerJobMax }) => 2 * tasksPerTreeMax + logLinesPerJobMax,
    formula: "2 × tasksPerTreeMax + logLinesPerJobMax",
    reason: "one event can list a job's tasks, its changed tasks and its log",
  },
  {
    limit: "itemsPerAnswerMax",
    of: ["rowsMax"],
    least: ({ rowsMax }) => rowsMax,
    formula: "rowsMax",
    reason: "one listProgress can list as many rows",
  },
  {
    limit: "variablesDepthMax",
    of: ["levelsPerTreeMax"],
    least: ({ levelsPerTreeMax }) => Math.max(REPORT_DEPTH, DEPTH_PER_LEVEL * levelsPerTreeMax),
    formula: "3 × levelsPerTreeMax, at least 5",
    reason: "a tree of iterations nests three levels of variables for each of its own",
  },
  ...(["bodyBytesMax", "messageBytesMax"] as const).flatMap((limit): LimitRule[] => [
    {
      limit,
      of: ["messageTextBytesMax", "nameBytesMax"],
      least: ({ messageTextBytesMax, nameBytesMax }) =>
        REQUEST_BYTES + ESCAPED_BYTES * messageTextBytesMax + NAMES_BYTES * nameBytesMax,
      formula: "6 × messageTextBytesMax + 8 × nameBytesMax + 5,000",
      reason: "a report of the longest message must fit, whose bytes JSON may escape as six each",
    },
    {
      limit,
      of: ["levelsPerTreeMax", "descriptionBytesMax", "nameBytesMax"],
      least: ({ levelsPerTreeMax, descriptionBytesMax, nameBytesMax }) =>
        REQUEST_BYTES + levelsPerTreeMax * (2 * descriptionBytesMax + 200) + NAMES_BYTES * nameBytesMax,
      formula: "levelsPerTreeMax × (2 × descriptionBytesMax + 200) + 8 × nameBytesMax + 5,000",
      reason: "the deepest branch with the longest descriptions must fit",
    },
  ]),
];

/** variables, inputs, input, updates, update, value. */
const REPORT_DEPTH = 5;
/** iterations, tasks, task. */
const DEPTH_PER_LEVEL = 3;
/** At least the bytes of a request without names and texts: the document, a path, numbers. */
const REQUEST_BYTES = 5_000;
/** JSON writes a control character as \u0001. */
const ESCAPED_BYTES = 6;
/** Database, user, job id and request id, whose quotes JSON escapes. */
const NAMES_BYTES = 8;

/** The first rule that the limits break. */
export function brokenRule(limits: Limits): LimitRule | undefined {
  return LIMIT_RULES.find(({ limit, least }) => limits[limit] < least(limits));
}
