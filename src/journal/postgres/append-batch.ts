import { assert } from "../../util/assert.js";
import type { JournalEntry, JournalPoint } from "../journal.js";
import { entryBody, jobKeyColumn } from "./bodies.js";
import type { Statement } from "./connections.js";

export interface AppendOptions {
  readonly removalsKeptMax: number;
  /** Of the commits. Default: `server`. */
  readonly synchronousCommit?: string;
}

/**
 * The entries of one append as few parameters: lists are joined by newlines, which neither JSON nor a name contains. Arrays
 * would be quoted by `pg`, which takes longer.
 */
export class AppendBatch {
  readonly #keys: string[];
  readonly #jobs = new Map<string, Job>();
  readonly #entries: readonly JournalEntry[];
  #removals = 0;
  /** Whether a job is stored again that an earlier entry has removed. */
  #storesRemoved = false;

  constructor(entries: readonly JournalEntry[]) {
    this.#entries = entries;
    this.#keys = entries.map(jobKeyColumn);
    for (const [index, entry] of entries.entries()) this.#add(this.#keys[index]!, entry);
  }

  /** The first entry of the job that is at this place in the list of jobs. */
  entryOfJob(place: number): JournalEntry {
    const key = [...this.#jobs.keys()][place]!;
    return this.#entries[this.#keys.indexOf(key)]!;
  }

  /** @param fresh the ids of the epoch and the generation that begin, if one does */
  statement(
    name: string,
    fresh: Fresh,
    fence: AppendFence,
    point: JournalPoint | undefined,
    options: AppendOptions,
  ): Statement {
    const jobs = [...this.#jobs.values()];
    const values = [
      name,
      fresh.epoch,
      fresh.generation,
      point?.epoch ?? null,
      point?.generation ?? null,
      [...this.#jobs.keys()].join("\n"),
      jobs.map(({ madeFrom }) => madeFrom).join("\n"),
      jobs.map(({ first }) => first).join(""),
      jobs.filter(({ isStored }) => isStored).length,
      this.#keys.join("\n"),
      this.#entries.map(({ commitId }) => commitId).join("\n"),
      this.#entries.map(({ change }) => KINDS[change.kind]).join(""),
      this.#entries.map(entryBody).join("\n"),
      this.#removals,
      this.#storesRemoved,
      options.removalsKeptMax,
      commitLevel(options),
      fence.node,
      fence.number,
    ];
    return { sql: APPEND, values };
  }

  #add(key: string, { madeFrom, change: { kind } }: JournalEntry): void {
    const before = this.#jobs.get(key);
    if (before)
      assert(kind === "stored" || before.isStored, `an entry "${kind}" for a job that is not stored`);
    if (kind === "removed") this.#removals++;
    if (before && !before.isStored) this.#storesRemoved = true;
    const { first, madeFrom: from } = before ?? { first: KINDS[kind], madeFrom };
    this.#jobs.set(key, { first, madeFrom: from, isStored: kind !== "removed" });
  }
}

/** The level that the functions set; undefined if they only check the setting of PostgreSQL. */
export function commitLevel({ synchronousCommit = "server" }: AppendOptions): string | undefined {
  return synchronousCommit === "server" ? undefined : synchronousCommit;
}

export interface Fresh {
  readonly epoch: string;
  readonly generation: string;
}

/** An append is rejected if its node has raised the fence since. */
export interface AppendFence {
  readonly node: string;
  readonly number: number;
}

interface Job {
  /** Of its first entry. */
  readonly first: Kind;
  readonly madeFrom: number;
  /** After its last entry. */
  readonly isStored: boolean;
}

type Kind = (typeof KINDS)[keyof typeof KINDS];

const KINDS = { stored: "s", updated: "u", removed: "r" } as const;

const APPEND = `SELECT * FROM tidemark.append(${Array.from({ length: 19 }, (_, at) => `$${at + 1}`).join(", ")})`;
