import { SteadyClock } from "../../../src/util/steady-clock.js";
import { ManualClock } from "./manual-clock.js";

/** A steady clock over a manual one, as stores need it. */
export class ManualSteadyClock extends SteadyClock {
  readonly #manual: ManualClock;

  constructor(now: number, manual = new ManualClock(now)) {
    super(manual);
    this.#manual = manual;
  }

  /** The clock of a process that starts now. */
  restarted(): ManualSteadyClock {
    return new ManualSteadyClock(this.now(), this.#manual);
  }

  get timerCount(): number {
    return this.#manual.timerCount;
  }

  advance(ms: number): void {
    this.#manual.advance(ms);
  }

  setBack(ms: number): void {
    this.#manual.setBack(ms);
  }

  pause(ms: number): void {
    this.#manual.pause(ms);
  }
}
