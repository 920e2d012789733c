import type { Limits } from "../../protocol/limits.js";
import { badUserInput, truncateText } from "../../protocol/tidemark-error.js";
import type { PageWindow, UserTaskPage } from "../../store/task-store.js";
import type { UserTask } from "../../tasks/user-task.js";
import { checkSize } from "./ranges.js";

/**
 * Pages of a Relay cursor connection over jobs, newest store first. The cursor of a job is the revision of
 * its store: it says a place in the order that never moves, whether or not the job is still there.
 *
 *     first edge ◄───────────── newer   older ─────────────► last edge
 *     `first` counts from here, below `after`'s revision     `last` counts from here, above `before`'s
 */

/** The arguments of a Relay connection; null is as left out. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface Page {
  /** Newest store first. */
  readonly userTasks: readonly UserTask[];
  /** With `first`: more before `before`. With `last`: any from `before` on. */
  readonly hasNextPage: boolean;
  /** With `last`: more after `after`. With `first`: any up to `after`. */
  readonly hasPreviousPage: boolean;
}

/**
 * The page that `args` ask for; `read` is asked once, for one more job than the page may have: whether it
 * comes tells whether the page is cut, whatever the other bound.
 * @throws TidemarkError BAD_USER_INPUT, or LIMIT_EXCEEDED for a page too large.
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
    : { userTasks: userTasks.slice(-size), hasNextPage: hasOlder, hasPreviousPage: isCut };
}

/** The opaque text of a place in the list. */
export function formatCursor(revision: number): string {
  return String(revision);
}

/** @throws TidemarkError BAD_USER_INPUT for what no server ever gave out. */
export function parseCursor(argument: string, text: string): number {
  const revision = FORM.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(revision)) return revision;
  const shown = truncateText(text, 40);
  throw badUserInput(
    `${argument} is ${JSON.stringify(shown)}, which is no cursor. Give one back that you received.`,
  );
}

const FORM = /^[1-9]\d{0,15}$/;

function direction(
  { first, last }: PageArguments,
  limits: Limits,
): Pick<PageWindow, "from"> & { size: number } {
  if (isGiven(first) && isGiven(last)) throw badUserInput("Both first and last are given; give one of them.");
  if (isGiven(last)) {
    checkSize("last", last, "pageSizeMax", limits);
    return { from: "oldest", size: last };
  }
  if (isGiven(first)) checkSize("first", first, "pageSizeMax", limits);
  return { from: "newest", size: first ?? limits.pageSizeDefault };
}

function boundOf(argument: string, cursor: string | null | undefined): number | undefined {
  return isGiven(cursor) ? parseCursor(argument, cursor) : undefined;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
