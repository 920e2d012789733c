import { delegated } from "../kit/journal/delegated-journal.js";
import type { AppendResult, DatabaseJournal, Journal } from "../../src/journal/journal.js";

/** A journal that can delay the results of appends, as a slow disk does. */
export interface HeldJournal extends Journal {
  /** From now on, appends are written, but resolve only after `release`. */
  hold(): void;
  release(): void;
  /** Resolves when a held append is written. */
  readonly written: Promise<void>;
}

export function createHeldJournal(journal: Journal): HeldJournal {
  const released = createGate();
  const written = createGate();
  let isHeld = false;
  const append = async (
    handle: DatabaseJournal,
    ...args: Parameters<DatabaseJournal["append"]>
  ): Promise<AppendResult> => {
    const result = await handle.append(...args);
    if (!isHeld) return result;
    written.open();
    await released.opened;
    return result;
  };
  return {
    hold: () => void (isHeld = true),
    release: () => released.open(),
    written: written.opened,
    supports: journal.supports,
    open: async (database) => holdAppends(await journal.open(database), append),
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

function holdAppends(
  handle: DatabaseJournal,
  append: (handle: DatabaseJournal, ...args: Parameters<DatabaseJournal["append"]>) => Promise<AppendResult>,
): DatabaseJournal {
  return delegated(handle, { append: (entries) => append(handle, entries) });
}

function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
