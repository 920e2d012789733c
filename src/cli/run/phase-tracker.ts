/**
 * The phases of a program's work, made from readings: a counter is a phase, and one that starts again, or counts
 * something else, is the next.
 *
 * - Within a phase what is done never goes back: a reading that is lower, but not by more than half, is left out.
 * - The volume may grow, and become known; nothing is ever done beyond it.
 * - A counter that was full, or falls by more than half, has started again.
 * - A phase that is full ends when another one begins. So counters side by side, as of nested loops, go on together.
 */
import type { ProgressReading } from "./progress-reading.js";

export type PhaseChange =
  | {
      readonly kind: "BEGIN";
      readonly phase: number;
      readonly label: string;
      readonly volume: number | undefined;
    }
  | {
      readonly kind: "MOVE";
      readonly phase: number;
      readonly done: number;
      readonly volume: number | undefined;
    }
  | { readonly kind: "END"; readonly phase: number };

export class PhaseTracker {
  /** The phases that go on, in the order in which they began. */
  readonly #current: Phase[] = [];
  #count = 0;

  /** Returns what becomes of the phases, in order. */
  take(reading: ProgressReading): readonly PhaseChange[] {
    const phase =
      this.#current.find((one) => isSame(one, reading)) ?? this.#current.find((one) => grows(one, reading));
    if (phase && !startsAgain(phase, reading)) return move(phase, reading);
    if (this.#count >= PHASES_MAX || reading.isContinuation) return [];
    return [...this.#endThose((one) => one === phase || isFull(one)), ...this.#begin(reading)];
  }

  #begin({ series, label, done, volume }: ProgressReading): PhaseChange[] {
    const phase: Phase = { index: this.#count++, series, label, done, volume };
    this.#current.push(phase);
    return [
      { kind: "BEGIN", phase: phase.index, label, volume },
      { kind: "MOVE", phase: phase.index, done, volume },
    ];
  }

  #endThose(isOver: (phase: Phase) => boolean): PhaseChange[] {
    const over = this.#current.filter(isOver);
    for (const phase of over) this.#current.splice(this.#current.indexOf(phase), 1);
    return over.map(({ index }) => ({ kind: "END", phase: index }));
  }
}

/** A program that goes through more of them is shown with these, and its lines. */
const PHASES_MAX = 1_000;

interface Phase {
  readonly index: number;
  readonly series: string;
  readonly label: string;
  done: number;
  volume: number | undefined;
}

function isSame(phase: Phase, { series, volume }: ProgressReading): boolean {
  return phase.series === series && phase.volume === volume;
}

/** The same counter, which knows of more to do than before. */
function grows({ series, label, done, volume }: Phase, reading: ProgressReading): boolean {
  if (series !== reading.series || label !== reading.label || reading.done < done) return false;
  return reading.volume !== undefined && (volume === undefined || reading.volume > volume);
}

function startsAgain(phase: Phase, { done }: ProgressReading): boolean {
  return done < phase.done && (isFull(phase) || done < phase.done / 2);
}

function isFull({ done, volume }: Phase): boolean {
  return done === volume;
}

function move(phase: Phase, { done, volume }: ProgressReading): PhaseChange[] {
  if (done < phase.done || (done === phase.done && volume === phase.volume)) return [];
  phase.done = done;
  phase.volume = volume;
  return [{ kind: "MOVE", phase: phase.index, done, volume }];
}
