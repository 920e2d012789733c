/**
 * Lets timers and sockets run in between the steps of a loop that computes. Resolved promises do not: a `for await` loop
 * whose body never waits for anything real would keep everything else waiting until its end, also the reports.
 *
 * A page needs about 60 turns per second to stay responsive, and a request takes several turns.
 */
import { nextTurn } from "../platform.js";

/** Work after which a turn is due, milliseconds. */
const WORK_MS = 10;

/** There is one event loop, so all loops share the time of its latest known turn. */
class EventLoop {
  #turnedAt = performance.now();

  /** Whether the event loop may have been blocked for too long. */
  get isTurnDue(): boolean {
    return performance.now() - this.#turnedAt >= WORK_MS;
  }

  /** Resolves once timers and sockets had their turn. */
  async turn(): Promise<void> {
    await nextTurn();
    this.#turnedAt = performance.now();
  }
}

export const eventLoop = /*#__PURE__*/ new EventLoop(); // so that pages that only watch do without

/** An iteration that takes turns with the rest of the program. */
export async function* inTurns<Item>(items: Iterable<Item>): AsyncGenerator<Item, void, undefined> {
  for (const item of items) {
    yield item;
    if (eventLoop.isTurnDue) await eventLoop.turn();
  }
}
