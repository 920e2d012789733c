/**
 * Derives the phases of a program's work from readings. Each counter is a phase; a counter that restarts, or counts
 * something else, begins the next phase.
 *
 * - Within a phase, `done` never decreases: a lower reading is ignored unless it drops by more than half.
 * - The volume may become known and may grow. `done` never exceeds it.
 * - A counter restarts if it was full and decreases, or drops by more than half.
 * - Only a full phase ends when another phase begins, so counters of nested loops continue side by side.
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
  /** The phases that have not ended, oldest first. */
  readonly #current: Phase[] = [];
  #count = 0;

  /** Returns the resulting changes, in order. */
  take(reading: ProgressReading): readonly PhaseChange[] {
    const phase =
      this.#current.find((one) => isSame(one, reading)) ?? this.#current.find((one) => grows(one, reading));
    if (phase && !restarts(phase, reading)) return move(phase, reading);
    if (this.#count >= PHASES_MAX || reading.isContinuation) return [];
    return [...this.#endPhases((one) => one === phase || isFull(one)), ...this.#begin(reading)];
  }

  #begin({ series, label, done, volume }: ProgressReading): PhaseChange[] {
    const phase: Phase = { index: this.#count++, series, label, done, volume };
    this.#current.push(phase);
    return [
      { kind: "BEGIN", phase: phase.index, label, volume },
      { kind: "MOVE", phase: phase.index, done, volume },
    ];
  }

  #endPhases(isOver: (phase: Phase) => boolean): PhaseChange[] {
    const over = this.#current.filter(isOver);
    for (const phase of over) this.#current.splice(this.#current.indexOf(phase), 1);
    return over.map(({ index }) => ({ kind: "END", phase: index }));
  }
}

/** Phases beyond this limit are not reported. */
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

/** Whether the reading continues the counter with a volume that is new or larger. */
function grows({ series, label, done, volume }: Phase, reading: ProgressReading): boolean {
  if (series !== reading.series || label !== reading.label || reading.done < done) return false;
  return reading.volume !== undefined && (volume === undefined || reading.volume > volume);
}

function restarts(phase: Phase, { done }: ProgressReading): boolean {
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
