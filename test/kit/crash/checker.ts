import { isDeepStrictEqual } from "node:util";
import { parsePosition } from "../../../src/protocol/position.js";
import type { CrashInput, CrashRound, FoundDatabase } from "./record.js";
import { expectedAfter, NEVER_STORED, withoutChoices, type KnownJobState } from "./requests.js";
import { isChange, wireKey, type WireJob } from "../wire/event.js";
import { WireHistory, type RecordedChange } from "../wire/history.js";
import { eventsOf, type Transcript } from "../wire/transcript.js";

/**
 * Checks a server that is killed repeatedly (law 14). From the answers and from the state after each start it
 * infers which change has which revision. Its violations say:
 *
 * - an answered change is missing, or another change of its job appeared that no writer had under way;
 * - an input was applied in part, or without an earlier input of its request;
 * - a revision has two changes or none, or the epoch changed.
 *
 * The result is a history, which the laws of delivery compare with what subscribers received.
 */
export class CrashChecker {
  readonly #books = new Map<string, DatabaseChecker>();

  /** Checks one round. Returns its violations. */
  checkRound(round: CrashRound): string[] {
    return round.found.flatMap((found) => {
      const { database } = found;
      return this.#bookOf(database)
        .enter(round, found)
        .map((complaint) => `${database}: ${complaint}`);
    });
  }

  /** All changes of a database, by revision, from 1. */
  changes(database: string): readonly RecordedChange[] {
    return this.#bookOf(database).changes;
  }

  /** The database at each revision. Instants of changes come from the first event that carried them. */
  history(database: string, transcripts: readonly Transcript[]): WireHistory {
    const { epoch, changes } = this.#bookOf(database);
    return new WireHistory({ epoch, changes: withInstants(changes, transcripts) });
  }

  #bookOf(database: string): DatabaseChecker {
    const book = this.#books.get(database) ?? new DatabaseChecker();
    this.#books.set(database, book);
    return book;
  }
}

/** The checker of one database. */
class DatabaseChecker {
  epoch = "";
  /** By revision, from 1. */
  readonly changes: RecordedChange[] = [];
  readonly #standings = new Map<string, KnownJobState>();
  #complaints: string[] = [];

  enter(round: CrashRound, { database, position, jobs }: FoundDatabase): string[] {
    this.#complaints = [];
    const requests = round.requests.map(({ inputs, answer }) => ({
      answered: inputs.flatMap((input, at) =>
        input.database === database && answer ? [{ input, job: answer[at] ?? null }] : [],
      ),
      unanswered: answer ? [] : inputs.filter((input) => input.database === database),
    }));
    const removals = round.removals.filter((each) => each.database === database);
    this.#enterAnswers(requests, removals);
    this.#enterFound(requests, removals, jobs);
    this.#checkNumbers(parsePosition(position));
    return this.#complaints;
  }

  #enterAnswers(requests: readonly RoundRequests[], removals: Removals): void {
    for (const { answered } of requests) {
      const revisions = answered.map(({ input, job }) => this.#answered(input, job, removals));
      this.#check(isAscending(revisions), () => `a request has the revisions ${revisions}`);
    }
  }

  #answered(input: CrashInput, job: WireJob | null, removals: Removals): number {
    const before = this.#standingOf(input);
    if (input.kind === "remove") {
      this.#check(
        isDeepStrictEqual(job, before.job ?? null),
        () => `removed ${show(job)}, not ${show(before.job)}`,
      );
      return this.#remove(input, before, removals);
    }
    this.#check(
      job && isMadeBy(input, before, job),
      () => `${show(input)} made ${show(job)} of ${show(before)}`,
    );
    return job ? this.#put(input, before, job) : 0;
  }

  /**
   * A change that was under way at the kill may or may not be there; everything else must be as it was last
   * answered.
   */
  #enterFound(requests: readonly RoundRequests[], removals: Removals, jobs: readonly WireJob[]): void {
    const found = new Map(jobs.map((job) => [wireKey(job), job]));
    const underWay = new Set<string>();
    for (const { unanswered } of requests) {
      const revisions = unanswered.map((input) => {
        underWay.add(wireKey(input));
        return this.#found(input, found.get(wireKey(input)), removals);
      });
      const last = revisions.findLastIndex((revision) => revision > 0);
      const isWhole = revisions.slice(0, last + 1).every((revision) => revision > 0);
      this.#check(isWhole, () => `of the inputs ${show(unanswered)} some are left out: ${revisions}`);
      this.#check(isAscending(revisions.filter(Boolean)), () => `a request has the revisions ${revisions}`);
    }
    for (const key of new Set([...this.#standings.keys(), ...found.keys()])) {
      if (!underWay.has(key)) this.#checkSame(key, found.get(key));
    }
  }

  /** Returns the revision of the change that an unanswered input made, or 0 if it made none. */
  #found(input: CrashInput, job: WireJob | undefined, removals: Removals): number {
    const before = this.#standingOf(input);
    if (isDeepStrictEqual(job, before.job)) return 0;
    if (input.kind === "remove" && !job) return this.#remove(input, before, removals);
    if (input.kind !== "remove" && job && isMadeBy(input, before, job)) return this.#put(input, before, job);
    this.#complaints.push(`${lost(before, job)}; under way was ${show(input)}`);
    return 0;
  }

  #checkSame(key: string, job: WireJob | undefined): void {
    const before = this.#standings.get(key) ?? NEVER_STORED;
    this.#check(isDeepStrictEqual(job, before.job), () => `${lost(before, job)}; nothing was under way`);
  }

  /** Every revision up to the database's own belongs to one change, and the epoch stays the same. */
  #checkNumbers({ epoch, revision }: { readonly epoch: string; readonly revision: number }): void {
    if (this.epoch === "") this.epoch = epoch;
    this.#check(epoch === this.epoch, () => `the epoch was ${this.epoch} and is ${epoch}`);
    const { length } = this.changes;
    this.#check(length <= revision, () => `it is at ${revision}, and there was a change at ${length}`);
    const missing = Array.from({ length: revision }, (_, at) => at + 1).filter((at) => !this.changes[at - 1]);
    this.#check(missing.length === 0, () => `it is at ${revision}, but no one made the changes ${missing}`);
  }

  #put(input: CrashInput, before: KnownJobState, job: WireJob): number {
    const { username, jobId, attempt, version, revision } = job;
    const kind = input.kind === "store" ? "stored" : "updated";
    this.#number({ kind, revision, username, jobId, at: "", tombstoneHorizon: 0, job, hidden: [] }, before);
    this.#standings.set(wireKey(input), { attempt, version, revision, job });
    return revision;
  }

  #remove(input: CrashInput, before: KnownJobState, removals: Removals): number {
    const { username, jobId } = input;
    const received = removals.filter(
      (each) => wireKey(each) === wireKey(input) && each.revision > before.revision,
    );
    const [revision = 0, ...others] = new Set(received.map((each) => each.revision));
    const isTold = revision > 0 && others.length === 0;
    this.#check(isTold, () => `the removal of ${show(before)} arrived at ${[revision, ...others]}`);
    if (isTold) {
      const change = { kind: "removed", reason: "REMOVED", at: "", tombstoneHorizon: 0 } as const;
      this.#number({ ...change, revision, username, jobId }, before);
    }
    const version = before.version + 1;
    this.#standings.set(wireKey(input), { attempt: before.attempt, version, revision, job: undefined });
    return revision;
  }

  #number(change: RecordedChange, before: KnownJobState): void {
    const { revision } = change;
    const other = this.changes[revision - 1];
    this.#check(!other, () => `revision ${revision} was given twice: ${show(other)}, ${show(change)}`);
    this.#check(revision > before.revision, () => `${show(change)} came after revision ${before.revision}`);
    this.changes[revision - 1] = change;
  }

  #standingOf(input: CrashInput): KnownJobState {
    return this.#standings.get(wireKey(input)) ?? NEVER_STORED;
  }

  #check(isSo: unknown, complaint: () => string): void {
    if (!isSo) this.#complaints.push(complaint());
  }
}

/** The requests of a round to one database. */
interface RoundRequests {
  readonly answered: readonly { readonly input: CrashInput; readonly job: WireJob | null }[];
  readonly unanswered: readonly CrashInput[];
}

type Removals = CrashRound["removals"];

function isMadeBy(input: CrashInput, before: KnownJobState, job: WireJob): boolean {
  if (input.kind === "report" && !before.job) return false;
  return isDeepStrictEqual(withoutChoices(job), expectedAfter(input, before));
}

function isAscending(revisions: readonly number[]): boolean {
  return revisions.every((revision, at) => at === 0 || revision > revisions[at - 1]!);
}

function lost(before: KnownJobState, job: WireJob | undefined): string {
  return `answered was ${show(before)}, found is ${show(job)}`;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}

function withInstants(
  changes: readonly RecordedChange[],
  transcripts: readonly Transcript[],
): RecordedChange[] {
  const instants = new Map<number, string>();
  for (const event of transcripts.flatMap(eventsOf)) {
    const { revision } = parsePosition(event.position);
    if (isChange(event) && !instants.has(revision)) instants.set(revision, event.at);
  }
  return changes.map((change) => ({ ...change, at: instants.get(change.revision) ?? change.at }));
}
