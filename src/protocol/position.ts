import { truncateText, TidemarkError } from "./tidemark-error.js";

/**
 * Where a reader stands in the one order of a database's changes.
 *
 * An epoch is one history of one database, and no two databases share one; a revision counts the changes in
 * it: 1, 2, 3 … Inside a catch-up a position also says where that began, so that a reader who is cut off in
 * the middle can go on as if nothing had happened.
 *
 * Clients see it as opaque text: `epoch.revision`, or `epoch.revision.base.began` inside a catch-up.
 */
export interface Position {
  readonly epoch: string;
  readonly revision: number;
  /** Set inside a catch-up, and only there. */
  readonly catchUp?: CatchUp;
}

export interface CatchUp {
  /** The revision that the reader held when it began; 0 when it held nothing (a snapshot). */
  readonly base: number;
  /** The database's revision when it began. */
  readonly began: number;
}

/** Characters of an epoch: 9 random bytes as base64url. */
export const EPOCH_LENGTH = 12;

/** The position of a database that nothing was ever stored in. Revision 0 is the same in any epoch. */
export const ORIGIN: Position = { epoch: "A".repeat(EPOCH_LENGTH), revision: 0 };

const FORM = /^([A-Za-z0-9_-]{12})\.(0|[1-9]\d{0,15})(?:\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15}))?$/;

/** The opaque text of a position; `parsePosition` reads it back. */
export function formatPosition({ epoch, revision, catchUp }: Position): string {
  return catchUp ? `${epoch}.${revision}.${catchUp.base}.${catchUp.began}` : `${epoch}.${revision}`;
}

/**
 * Reads a position that a client gives back.
 * @throws TidemarkError BAD_USER_INPUT for what no server ever gave out.
 */
export function parsePosition(text: string): Position {
  const [, epoch, revision, base, began] = FORM.exec(text) ?? [];
  if (epoch === undefined || revision === undefined) throw notAPosition(text);
  if (base === undefined || began === undefined) return whole(text, { epoch, revision: Number(revision) });
  return whole(text, {
    epoch,
    revision: Number(revision),
    catchUp: { base: Number(base), began: Number(began) },
  });
}

function whole(text: string, position: Position): Position {
  const { revision, catchUp } = position;
  const numbers = [revision, catchUp?.base ?? 0, catchUp?.began ?? 0];
  if (!numbers.every(Number.isSafeInteger)) throw notAPosition(text);
  if (catchUp && (catchUp.base > revision || catchUp.base > catchUp.began)) throw notAPosition(text);
  return position;
}

function notAPosition(text: string): TidemarkError {
  const shown = truncateText(text, 40);
  return new TidemarkError(
    "BAD_USER_INPUT",
    `${JSON.stringify(shown)} is not a position. Give back one that you received, unchanged, or leave it out.`,
  );
}
