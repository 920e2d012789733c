import { delegated, importOf } from "./delegated-journal.js";
import type { DatabaseJournal, Journal, JournalEntry } from "../../../src/journal/journal.js";
import type { DatabaseName } from "../../../src/tasks/names.js";

/** A journal that records its calls and can hold its answers. */
export interface ObservedJournal extends Journal {
  /** The database of each `open`, in call order. */
  readonly opened: readonly DatabaseName[];
  /** The entries of each append, in call order. */
  readonly appends: readonly (readonly JournalEntry[])[];
  /** Handles that are open. */
  readonly openHandleCount: number;
  /** Holds each `open` of `database` until the returned function is called. */
  holdOpenings(database: DatabaseName): () => void;
  /** Lets appends write, or fail, but holds their answers until the returned function is called. */
  holdAppends(): () => void;
  /** Holds each closing of a handle until the returned function is called. */
  holdClosings(): () => void;
}

export function observeJournal(journal: Journal): ObservedJournal {
  const opened: DatabaseName[] = [];
  const appends: (readonly JournalEntry[])[] = [];
  const handles = new Set<DatabaseJournal>();
  const openings = new Map<DatabaseName, Gate>();
  const answers = new Gate();
  const closings = new Gate();

  const observe = (handle: DatabaseJournal): Partial<DatabaseJournal> => {
    handles.add(handle);
    return {
      async append(entries, madeFrom) {
        appends.push(entries);
        try {
          return await handle.append(entries, madeFrom);
        } finally {
          await answers.pass();
        }
      },
      async close() {
        await closings.pass();
        await handle.close();
        handles.delete(handle);
      },
    };
  };
  const inner = withHandles(journal, observe);

  return {
    ...inner,
    opened,
    appends,
    get openHandleCount() {
      return handles.size;
    },
    async open(database) {
      opened.push(database);
      await openings.get(database)?.pass();
      return inner.open(database);
    },
    holdOpenings(database) {
      const gate = new Gate();
      openings.set(database, gate);
      return gate.hold();
    },
    holdAppends: () => answers.hold(),
    holdClosings: () => closings.hold(),
  };
}

/** `journal` with the methods in `change` replaced in its handles. */
export function withHandles(
  journal: Journal,
  change: (handle: DatabaseJournal) => Partial<DatabaseJournal>,
): Journal {
  return {
    supports: journal.supports,
    engine: journal.engine,
    open: async (database) => {
      const handle = await journal.open(database);
      return delegated(handle, change(handle));
    },
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    ...importOf(journal),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

/** Open unless held. */
class Gate {
  #opens: Promise<void> = Promise.resolve();

  hold(): () => void {
    let open = (): void => {};
    this.#opens = new Promise((resolve) => (open = resolve));
    return () => open();
  }

  pass(): Promise<void> {
    return this.#opens;
  }
}
