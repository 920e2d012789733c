import { truncateText, TidemarkError } from "./tidemark-error.js";

/**
 * A subscriber's position in the one order of a database's changes.
 *
 * An epoch is one history of one database; no two databases share one. A generation is a part of it that one database
 * server wrote without interruption. A revision counts the changes in the epoch: 1, 2, 3 … During a catch-up, a position
 * also says where the catch-up began, so that a subscriber that is disconnected in the middle can resume.
 *
 * To clients it is opaque text: `epoch.revision`, or `epoch.revision.base.began[.seen]` during a catch-up.
 */
export interface Position {
  /** The epoch: `epoch`, or `epoch~generation` after the first generation. */
  readonly epoch: string;
  readonly revision: number;
  /** Set only during a catch-up. */
  readonly catchUp?: CatchUp;
}

export interface CatchUp {
  /** The subscriber's revision when the catch-up began; 0 if it had none (a snapshot). */
  readonly base: number;
  /** The database's revision when the catch-up began. */
  readonly began: number;
  /**
   * The database's revision when the latest event was made, if it is above `began`. Jobs that had changed by then were left
   * out, because their newest change comes later. So another server must not be older when the catch-up continues there.
   */
  readonly seen?: number | undefined;
}

/** The length of an epoch: 9 random bytes as base64url. */
export const EPOCH_LENGTH = 12;

/** The position of a database that has never stored anything. Revision 0 is the same in every epoch. */
export const ORIGIN: Position = { epoch: /*#__PURE__*/ "A".repeat(EPOCH_LENGTH), revision: 0 };

const FORM =
  /^([A-Za-z0-9_-]{12}(?:~[A-Za-z0-9_-]{1,12})?)\.(0|[1-9]\d{0,15})(?:\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})(?:\.([1-9]\d{0,15}))?)?$/;

/** Formats a position as opaque text, which `parsePosition` reads back. */
export function formatPosition({ epoch, revision, catchUp }: Position): string {
  if (!catchUp) return `${epoch}.${revision}`;
  const { base, began, seen } = catchUp;
  return `${epoch}.${revision}.${base}.${began}${seen === undefined ? "" : `.${seen}`}`;
}

/** The newest revision that a subscriber at this position may have seen: nothing new at the start of a catch-up. */
export function newestRevisionIn({ revision, catchUp }: Position): number {
  if (!catchUp || revision === catchUp.base) return revision;
  return Math.max(revision, catchUp.seen ?? catchUp.began);
}

/** The epoch of a position that a server sent. */
export function epochOf(position: string): string {
  return position.slice(0, EPOCH_LENGTH);
}

/** Whether a position that a server sent is in the middle of a catch-up. */
export function isCatchingUp(position: string): boolean {
  return position.split(".").length > 2;
}

/**
 * Parses a position from a client.
 * @throws TidemarkError BAD_USER_INPUT for text that no server issues.
 */
export function parsePosition(text: string): Position {
  const [, epoch, revision, base, began, seen] = FORM.exec(text) ?? [];
  if (epoch === undefined || revision === undefined) throw invalidPositionError(text);
  if (base === undefined || began === undefined) return checked(text, { epoch, revision: Number(revision) });
  return checked(text, {
    epoch,
    revision: Number(revision),
    catchUp: {
      base: Number(base),
      began: Number(began),
      ...(seen !== undefined && { seen: Number(seen) }),
    },
  });
}

function checked(text: string, position: Position): Position {
  const { revision, catchUp } = position;
  const { base, began, seen = Infinity } = catchUp ?? { base: 0, began: 0 };
  const numbers = [revision, base, began, catchUp?.seen ?? 0];
  if (!numbers.every(Number.isSafeInteger)) throw invalidPositionError(text);
  if (base > revision || base > began || seen <= began) throw invalidPositionError(text);
  return position;
}

function invalidPositionError(text: string): TidemarkError {
  const shown = truncateText(text, 40);
  return new TidemarkError(
    "BAD_USER_INPUT",
    `${JSON.stringify(shown)} is not a valid position. Pass a position exactly as you received it, or omit it.`,
  );
}
