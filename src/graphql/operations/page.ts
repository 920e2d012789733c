import type { Limits } from "../../protocol/limits.js";
import { badUserInput, truncateText } from "../../protocol/tidemark-error.js";
import type { PageWindow, UserTaskPage } from "../../store/task-store.js";
import type { UserTask } from "../../tasks/user-task.js";
import { checkSize } from "./ranges.js";

/**
 * Pages of a Relay cursor connection over jobs, most recently stored first. The cursor of a job is the revision
 * of its store. It marks a fixed place in the order, even after the job is removed.
 *
 *     first edge ◄───────────── newer   older ─────────────► last edge
 *     `first` counts from here, below `after`'s revision     `last` counts from here, above `before`'s
 */

/** The arguments of a Relay connection; null means omitted, and so does an empty cursor. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface Page {
  /** Most recently stored first. */
  readonly userTasks: readonly UserTask[];
  /** With `first`: whether more jobs precede `before`. With `last`: whether any job follows from `before` on. */
  readonly hasNextPage: boolean;
  /** With `last`: whether more jobs follow `after`. With `first`: whether there is any job up to `after`. */
  readonly hasPreviousPage: boolean;
}

/**
 * Reads the page that `args` request. Calls `read` once, for one job more than the page may have: if that job
 * exists, there is another page.
 * @throws TidemarkError BAD_USER_INPUT, or LIMIT_EXCEEDED if the page is too large.
 */
export function readPage(
  args: PageArguments,
  limits: Limits,
  read: (window: PageWindow) => UserTaskPage,
): Page {
  const { from, size } = direction(args, limits);
  const storedBefore = boundOf("after", args.after);
  const storedAfter = boundOf("before", args.before);
  const { userTasks, hasNewer, hasOlder } = read({ count: size + 1, from, storedBefore, storedAfter });
  const isCut = userTasks.length > size;
  return from === "newest"
    ? { userTasks: userTasks.slice(0, size), hasNextPage: isCut, hasPreviousPage: hasNewer }
    : { userTasks: isCut ? userTasks.slice(1) : userTasks, hasNextPage: hasOlder, hasPreviousPage: isCut };
}

export function formatCursor(revision: number): string {
  return String(revision);
}

/** @throws TidemarkError BAD_USER_INPUT if the text can't be a cursor. */
export function parseCursor(argument: string, text: string): number {
  const revision = CURSOR_PATTERN.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(revision)) return revision;
  const shown = truncateText(text, 40);
  throw badUserInput(
    `Invalid ${argument} ${JSON.stringify(shown)}: expected a cursor, as the server returned it.`,
  );
}

const CURSOR_PATTERN = /^[1-9]\d{0,15}$/;

function direction(
  { first, last }: PageArguments,
  limits: Limits,
): Pick<PageWindow, "from"> & { size: number } {
  if (isGiven(first) && isGiven(last))
    throw badUserInput("first and last can't be combined. Use one of them.");
  if (isGiven(last)) {
    checkSize("last", last, "pageSizeMax", limits);
    return { from: "oldest", size: last };
  }
  if (isGiven(first)) checkSize("first", first, "pageSizeMax", limits);
  return { from: "newest", size: first ?? limits.pageSizeDefault };
}

function boundOf(argument: string, cursor: string | null | undefined): number | undefined {
  return cursor ? parseCursor(argument, cursor) : undefined;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
