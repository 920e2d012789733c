/**
 * Sends what the jobs of one connection have to say, in rounds, one at a time: trees that are new, tasks that were
 * added, then all reports of all jobs in one `updateTasks`.
 *
 *     touched ─► pause (250 ms; 20 ms when a task begins or ends) ─► round ─► answered: rest, or the next round
 *                          ▲                                           │
 *                          └──── longer and longer, scattered ◄────────┴─ no answer
 *
 * A job that is quiet has a heartbeat in place of a report. All quiet jobs share one request, and there is none while
 * reports go out anyway. Answers tell whether somebody wants the job to stop. While it is quiet a subscription does
 * (`CancelRequests`), so that a heartbeat has but to renew the lease, thrice in it; until there is one, and where none gets
 * through, heartbeats come every `heartbeatMs`.
 *
 * Nothing here keeps the process alive but the end of a job that the server does not know of yet, and that for
 * `endTimeoutMs`.
 */
import { limitNamedIn, TidemarkError } from "../protocol/tidemark-error.js";
import { parsePosition } from "../protocol/position.js";
import { Backoff } from "./backoff.js";
import { CancelRequests } from "./cancel-requests.js";
import {
  GrowJobDocument,
  HistoryDocument,
  ReportJobsDocument,
  StoreJobDocument,
  type ReportJobsMutation,
  type UpdateTaskInput,
} from "./generated/graphql.js";
import type { Outbox } from "./outbox.js";
import {
  keepAlive,
  onIdleProcess,
  onPageHidden,
  type ClientClock,
  type ClientTimer,
} from "./surroundings.js";
import { isPassing, refusalOf } from "./refusal.js";
import type { ClientDocument, Transport } from "./transport.js";

export interface ReporterOptions {
  /** The shortest time between two reports while nothing begins or ends, milliseconds. */
  readonly intervalMs: number;
  /** How long a job may be quiet before the server is asked whether somebody wants it to stop, where it does not tell by itself; milliseconds. */
  readonly heartbeatMs: number;
  /** How long the process is kept alive for the end of a job that the server does not know of, milliseconds. */
  readonly endTimeoutMs: number;
  readonly clock: ClientClock;
  /** The server can't be reached. Told once, and again only after it could be. */
  readonly onAway: (error: TidemarkError) => void;
}

/** Even when thousands of tasks begin and end a second, the server hears of it this often. */
const URGENT_INTERVAL_MS = 20;
/** While the end of a job keeps the process alive, no pause is longer. */
const PAUSE_AT_END_MS = 1_000;
const REQUESTS_AT_ONCE = 8;
const INPUTS_PER_REQUEST = 500;
/** Well below what a server takes. */
const CHARACTERS_PER_REQUEST = 300_000;
/** Of all that a page says last, of 64 kB that a browser takes. */
const LAST_BYTES_MAX = 60_000;
/** Ended jobs that may wait for a server that is away. */
const ENDED_JOBS_MAX = 1_000;

export class Reporter {
  readonly #transport: Transport;
  readonly #options: ReporterOptions;
  readonly #backoff = new Backoff();
  readonly #cancelRequests: CancelRequests;
  /** Jobs that have something to say, or may have. */
  readonly #outboxes = new Set<Outbox>();
  /** Those of them whose end the server does not know of. */
  readonly #ended = new Set<Outbox>();
  #inputsPerRequest = INPUTS_PER_REQUEST;
  /** More was to be said than fits into one request. */
  #isCutShort = false;
  #timer: ClientTimer | undefined;
  #dueAt = Infinity;
  #isInRound = false;
  #roundBeganAt = -Infinity;
  #awayUntil = -Infinity;
  #keepingAlive: ClientTimer | undefined;
  #request = new AbortController();
  #stopListening: (() => void) | undefined;
  #endWaiters: (() => void)[] = [];

  constructor(transport: Transport, options: ReporterOptions) {
    this.#transport = transport;
    this.#options = options;
    const onBroken = (): void => this.#askAgain();
    this.#cancelRequests = new CancelRequests({ transport, clock: options.clock, onBroken });
  }

  /** The server did not answer the latest request. */
  get isAway(): boolean {
    return this.#backoff.isFailing;
  }

  /** The job has something to say. */
  touched(outbox: Outbox, isUrgent: boolean): void {
    if (!this.#outboxes.has(outbox)) this.#add(outbox);
    if (outbox.hasEnded && !this.#ended.has(outbox)) this.#awaitEnd(outbox);
    if (!this.#isInRound) this.#schedule(isUrgent ? URGENT_INTERVAL_MS : this.#options.intervalMs);
  }

  /** Resolves when all ends are known to the server, it turns out to be away, or the time for ends is over. */
  async endsFlushed(): Promise<void> {
    if (!this.#keepingAlive || this.isAway) return;
    await new Promise<void>((resolve) => this.#endWaiters.push(resolve));
  }

  #add(outbox: Outbox): void {
    this.#outboxes.add(outbox);
    this.#stopListening ??= this.#listen();
  }

  #listen(): () => void {
    const ends = [
      onIdleProcess(() => this.#flushIdle()),
      onPageHidden((isLeft) => this.#flushHiddenPage(isLeft)),
    ];
    return () => ends.forEach((end) => end());
  }

  #forget(outbox: Outbox): void {
    this.#outboxes.delete(outbox);
    this.#ended.delete(outbox);
    this.#cancelRequests.leave(outbox);
  }

  /** A program that does many jobs while the server is away must not keep them all. */
  #giveUpOldest(): void {
    const [oldest] = this.#ended;
    if (!oldest || this.#ended.size <= ENDED_JOBS_MAX) return;
    this.#forget(oldest);
    oldest.stop(
      new TidemarkError(
        "UNAVAILABLE",
        `No server took the end of ${ENDED_JOBS_MAX} jobs; the oldest is given up.`,
      ),
    );
  }

  /** The process is about to end: what was said goes out now, or not at all. */
  #flushIdle(): void {
    if (!this.#isInRound && !this.isAway && this.#some(({ isWaiting }) => isWaiting)) void this.#round();
  }

  /**
   * The page may be gone in a moment: what was said goes out now, beside what is on its way, which may go with the page. Nobody
   * waits for an answer; where the page stays, all is said again, which does no harm.
   */
  #flushHiddenPage(isLeft: boolean): void {
    if (isLeft) this.#cancelRequests.close(); // a page with an open connection is not kept for the way back
    const inputs = fitting([...this.#outboxes].flatMap((outbox) => outbox.takeLastReports()));
    if (inputs.length > 0) this.#askLast(ReportJobsDocument, { inputs });
    for (const outbox of this.#outboxes) {
      if (outbox.needsStore) this.#askLast(StoreJobDocument, { input: outbox.takeStore() });
      if (outbox.needsGrowth) this.#askLast(GrowJobDocument, { input: outbox.takeGrowth() });
    }
  }

  readonly #askLast = <Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
  ): void => {
    void this.#transport.request(document, variables, { keepalive: true }).catch(() => {}); // it is said again while the page lives
  };

  #schedule(intervalMs: number): void {
    const { clock } = this.#options;
    const now = clock.now();
    const dueAt = Math.max(now, this.#awayUntil, this.#roundBeganAt + intervalMs);
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.schedule(dueAt - now, () => void this.#round());
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    this.#timer?.cancel();
    this.#dueAt = Infinity;
    this.#isInRound = true;
    this.#request = new AbortController(); // of the round: what is combined with a signal stays with it for as long as that lives
    this.#roundBeganAt = this.#options.clock.now();
    try {
      await this.#lookForMissed();
      await this.#forEach(
        ({ needsStore }) => needsStore,
        (outbox) => this.#store(outbox),
      );
      await this.#forEach(
        ({ needsGrowth }) => needsGrowth,
        (outbox) => this.#grow(outbox),
      );
      await this.#report();
      this.#succeeded();
    } catch (error) {
      this.#failed(error as TidemarkError); // the transport throws nothing else
    }
    this.#isInRound = false;
    this.#next();
  }

  #succeeded(): void {
    this.#backoff.succeeded();
    this.#awayUntil = -Infinity;
  }

  #failed(error: TidemarkError): void {
    const wasAway = this.isAway;
    const pauseMs = this.#backoff.failed();
    this.#awayUntil = this.#options.clock.now() + (this.#keepingAlive ? this.#pauseAtEnd() : pauseMs);
    this.#tellEndWaiters();
    if (!wasAway) this.#options.onAway(error);
  }

  #next(): void {
    for (const outbox of this.#outboxes) {
      if (outbox.isSilent || (outbox.hasEnded && !outbox.isWaiting)) this.#forget(outbox);
    }
    if (this.#ended.size === 0) this.#stopAwaitingEnds();
    if (this.#outboxes.size > 0) return this.#schedule(this.#intervalMs());
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #intervalMs(): number {
    const isUrgent = this.#isCutShort || this.#some((outbox) => outbox.isUrgent && outbox.isWaiting);
    if (isUrgent) return URGENT_INTERVAL_MS;
    if (this.#some(({ isWaiting }) => isWaiting)) return this.#options.intervalMs;
    return [...this.#outboxes].reduce(
      (least, outbox) => Math.min(least, this.#heartbeatMsOf(outbox)),
      Infinity,
    );
  }

  #some(isWanted: (outbox: Outbox) => boolean): boolean {
    for (const outbox of this.#outboxes) if (isWanted(outbox)) return true;
    return false;
  }

  /** Does it for each that is wanted, several at once. Throws when the server is away. */
  async #forEach(
    isWanted: (outbox: Outbox) => boolean,
    act: (outbox: Outbox) => Promise<void>,
  ): Promise<void> {
    const wanted = [...this.#outboxes].filter(isWanted);
    for (let from = 0; from < wanted.length; from += REQUESTS_AT_ONCE) {
      const outcomes = await Promise.allSettled(wanted.slice(from, from + REQUESTS_AT_ONCE).map(act));
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed) throw failed.reason;
    }
  }

  async #lookForMissed(): Promise<void> {
    const epochs = new Map<string, Promise<string>>();
    await this.#forEach(
      ({ isMissed }) => isMissed,
      async (outbox) => {
        const { database } = outbox.header;
        if (!epochs.has(database)) epochs.set(database, this.#epochOf(database));
        outbox.lookedFor(await epochs.get(database)!);
      },
    );
  }

  async #epochOf(database: string): Promise<string> {
    const { tasks } = await this.#ask(HistoryDocument, { database });
    return tasks ? parsePosition(tasks.position).epoch : "";
  }

  #store(outbox: Outbox): Promise<void> {
    return this.#orStop(outbox, async () => {
      const { storeTask } = await this.#ask(StoreJobDocument, { input: outbox.takeStore() });
      outbox.hasStored(storeTask?.userTask, this.#options.clock.now());
    });
  }

  #grow(outbox: Outbox): Promise<void> {
    return this.#orStop(outbox, async () => {
      while (outbox.needsGrowth) {
        const { addTasks } = await this.#ask(GrowJobDocument, { input: outbox.takeGrowth() });
        outbox.hasGrown(addTasks?.userTask, this.#options.clock.now());
      }
    });
  }

  async #orStop(outbox: Outbox, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof TidemarkError) || isPassing(error)) throw error;
      outbox.refusedWhole(error);
    }
  }

  async #report(): Promise<void> {
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    this.#letOthersFirst(batch);
    const results = await this.#send(batch);
    if (!results) return;
    const now = this.#options.clock.now();
    const refusals = batch.map(({ outbox, input }, index) => {
      const { error, userTask } = results[index] ?? {};
      const refusal = error && refusalOfInput(error);
      if (refusal && isPassing(refusal)) return refusal;
      if (refusal) outbox.refused(input, refusal);
      else outbox.reported(input, userTask ?? undefined, now);
      return undefined;
    });
    const passing = refusals.find((refusal) => refusal !== undefined);
    if (passing) throw passing;
  }

  /** The answers in order. A request that is refused whole is tried again in smaller parts, until the fault is found. */
  async #send(batch: readonly Addressed[]): Promise<Results | undefined> {
    try {
      const { updateTasks } = await this.#ask(ReportJobsDocument, {
        inputs: batch.map(({ input }) => input),
      });
      this.#inputsPerRequest = INPUTS_PER_REQUEST;
      return updateTasks ?? [];
    } catch (error) {
      if (!(error instanceof TidemarkError) || isPassing(error)) throw error;
      if (batch.length === 1) return [{ error, userTask: null }];
      this.#inputsPerRequest = Math.ceil(batch.length / 2);
      return undefined;
    }
  }

  #takeBatch(): readonly Addressed[] {
    const batch: Addressed[] = [];
    let room = CHARACTERS_PER_REQUEST;
    this.#isCutShort = false;
    for (const outbox of this.#outboxes) {
      for (const input of this.#inputsOf(outbox)) {
        this.#isCutShort = batch.length >= this.#inputsPerRequest || room < 0;
        if (this.#isCutShort) return batch;
        batch.push({ outbox, input });
        room -= JSON.stringify(input).length;
      }
    }
    return batch;
  }

  /** Those who were heard now are heard last the next time, so that none is left out where there are too many. */
  #letOthersFirst(batch: readonly Addressed[]): void {
    for (const { outbox } of this.#isCutShort ? batch : []) {
      this.#outboxes.delete(outbox);
      this.#outboxes.add(outbox);
    }
  }

  #inputsOf(outbox: Outbox): readonly UpdateTaskInput[] {
    if (!outbox.isReportable) return [];
    const reports = outbox.takeReports();
    if (reports.length > 0 || !this.#isQuiet(outbox)) return reports;
    this.#cancelRequests.listenFor(outbox);
    return [outbox.heartbeat()];
  }

  /** Those that will be due soon come along, so that all quiet jobs have their heartbeats together. */
  #isQuiet(outbox: Outbox): boolean {
    const quietMs = this.#options.clock.now() - outbox.answeredAt;
    return !outbox.hasEnded && quietMs >= this.#heartbeatMsOf(outbox) / 2;
  }

  /** Who is told of cancel requests has but to renew the lease; one heartbeat may be lost. */
  #heartbeatMsOf(outbox: Outbox): number {
    const leaseMs = (outbox.stored?.leaseSeconds ?? Infinity) * 1_000;
    return Math.min(leaseMs / 3, this.#cancelRequests.reach(outbox) ? Infinity : this.#options.heartbeatMs);
  }

  /** From now on cancel requests have to be asked for; not by all workers at the same moment. */
  #askAgain(): void {
    const { clock, heartbeatMs } = this.#options;
    if (this.#isInRound || this.#outboxes.size === 0) return;
    this.#schedule(clock.now() - this.#roundBeganAt + heartbeatMs * Math.random());
  }

  #ask: Transport["request"] = (document, variables) =>
    this.#transport.request(document, variables, { signal: this.#request.signal });

  /** An end that the server does not know keeps the process alive for a time, and hurries. */
  #awaitEnd(outbox: Outbox): void {
    const { clock, endTimeoutMs } = this.#options;
    this.#ended.add(outbox);
    this.#giveUpOldest();
    this.#keepingAlive?.cancel();
    this.#keepingAlive = keepAlive(endTimeoutMs, () => this.#giveUpEnds());
    this.#awayUntil = Math.min(this.#awayUntil, clock.now() + this.#pauseAtEnd());
  }

  #pauseAtEnd(): number {
    return PAUSE_AT_END_MS * Math.random();
  }

  #stopAwaitingEnds(): void {
    this.#keepingAlive?.cancel();
    this.#keepingAlive = undefined;
    this.#tellEndWaiters();
  }

  /** What is under way is given up: it would keep the process alive. It is tried again while the process lives. */
  #giveUpEnds(): void {
    this.#request.abort();
    this.#stopAwaitingEnds();
  }

  #tellEndWaiters(): void {
    for (const resolve of this.#endWaiters.splice(0)) resolve();
  }
}

interface Addressed {
  readonly outbox: Outbox;
  readonly input: UpdateTaskInput;
}

interface InputError {
  readonly code: string;
  readonly message: string;
}

type Results = readonly {
  readonly error: InputError | null;
  readonly userTask: NonNullable<ReportJobsMutation["updateTasks"]>[number]["userTask"];
}[];

/** The first of them, as many as a page that is left may still send. */
function fitting(inputs: readonly UpdateTaskInput[]): UpdateTaskInput[] {
  let room = LAST_BYTES_MAX;
  return inputs.filter((input) => (room -= new TextEncoder().encode(JSON.stringify(input)).length) >= 0);
}

/** Beside its code a refused input tells the limit that was passed in its message only. */
function refusalOfInput({ code, message }: InputError): TidemarkError {
  const limit = code === "LIMIT_EXCEEDED" ? limitNamedIn(message) : undefined;
  return refusalOf({ message, extensions: { code, ...(limit && { limit }) } }, "INTERNAL");
}
