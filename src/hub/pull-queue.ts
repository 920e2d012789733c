import { CatchUpQueue, type CatchUpPuller } from "./catch-up-queue.js";
import { TurnLength, type TurnBudget } from "../util/turn-length.js";

/** A live group. */
export interface Puller {
  pull(): void;
}

/** The source of the changes that groups pull. */
export interface Wakeable {
  wake(): void;
}

/**
 * Runs pulls for a few milliseconds per turn of the event loop (law 10). Snapshots and mass reconnects are thus sliced,
 * and the server handles network input such as reports between the slices. If that input takes long, the budget for
 * pulls grows, so that many large requests do not starve the subscribers.
 *
 * A turn first pulls for live groups in the order of their requests, then for subscribers that catch up, which have a
 * budget of their own. If there are such subscribers, it wakes the groups that changes concern before that, so that a
 * group is up to date when a subscriber joins it. Otherwise the group would have a new change in nearly every turn, and
 * under load the subscribers would never join it.
 */
export class PullQueue {
  readonly #changed = new Set<Wakeable>();
  readonly #groups = new Set<Puller>();
  readonly #behind = new CatchUpQueue();
  readonly #groupBudget: TurnBudget;
  readonly #catchUpBudget: TurnBudget;
  #isCatchingUp = false;
  #isScheduled = false;

  constructor(turnLength = new TurnLength()) {
    this.#groupBudget = turnLength.budget(BUDGET_BOUNDS);
    this.#catchUpBudget = turnLength.budget(BUDGET_BOUNDS);
  }

  /** The number of subscribers that wait to catch up. */
  get behindCount(): number {
    return this.#behind.size;
  }

  /** Wakes `changed` once, in the next turn: after the writes of this one. */
  wakeNextTurn(changed: Wakeable): void {
    if (this.#changed.size === 0) setImmediate(() => this.#wakeChanged());
    this.#changed.add(changed);
  }

  /** Pulls now if this turn has time left and the queue is empty, else in queue order. */
  pullSoon(puller: Puller): void {
    if (this.#groups.size > 0 || this.#groupBudget.isSpent) return this.pullLater(puller);
    this.#schedule();
    this.#pull(puller);
  }

  /** Pulls in queue order, in a later turn. */
  pullLater(puller: Puller): void {
    this.#groups.add(puller);
    this.#schedule();
  }

  delete(puller: Puller): void {
    this.#groups.delete(puller);
  }

  /** Catches up now if this turn has time left and no subscriber waits, else when it is the puller's turn. */
  catchUpSoon(puller: CatchUpPuller): void {
    const isBusy = this.#isCatchingUp || this.#behind.size > 0 || this.#catchUpBudget.isSpent;
    if (isBusy) return this.catchUpLater(puller);
    this.#schedule();
    this.#catchUp(puller);
  }

  /** Catches up in a later turn. */
  catchUpLater(puller: CatchUpPuller): void {
    this.#behind.add(puller);
    this.#schedule();
  }

  stopCatchUp(puller: CatchUpPuller): void {
    this.#behind.delete(puller);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  /** Schedules the next turn first, so that its pulls precede the writes of this one, and join them. */
  #turn(): void {
    this.#isScheduled = false;
    if (this.#isAnyWaiting) this.#schedule();
    this.#groupBudget.renew();
    this.#catchUpBudget.renew();
    if (this.#behind.size > 0) this.#wakeChanged();
    this.#pullGroups();
    this.#catchUpNearest();
    this.#groupBudget.end();
    this.#catchUpBudget.end();
  }

  get #isAnyWaiting(): boolean {
    return this.#groups.size > 0 || this.#behind.size > 0;
  }

  #wakeChanged(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const wakeable of changed) wakeable.wake();
  }

  #pullGroups(): void {
    for (const puller of this.#groups) {
      if (this.#groupBudget.isSpent) break;
      this.#groups.delete(puller);
      this.#pull(puller);
    }
  }

  #catchUpNearest(): void {
    while (!this.#catchUpBudget.isSpent) {
      const puller = this.#behind.take();
      if (!puller) break;
      this.#catchUp(puller);
    }
  }

  #pull(puller: Puller): void {
    const start = performance.now();
    puller.pull();
    this.#groupBudget.spend(performance.now() - start + WRITE_MS);
  }

  /** Serves one subscriber as long as possible, so that one write holds many events. */
  #catchUp(puller: CatchUpPuller): void {
    this.#isCatchingUp = true;
    this.#catchUpBudget.spend(WRITE_MS);
    let hasMore = true;
    while (hasMore && !this.#catchUpBudget.isSpent) {
      const start = performance.now();
      hasMore = puller.pull();
      this.#catchUpBudget.spend(performance.now() - start);
    }
    this.#isCatchingUp = false;
    if (hasMore) this.catchUpLater(puller);
  }
}

/** For each kind of pulls. */
const BUDGET_BOUNDS = { minMs: 2, maxMs: 10 };

/** Estimated time of the write that follows a pull, after the turn. */
const WRITE_MS = 0.03;
