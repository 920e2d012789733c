import type { Generation } from "../journal/journal.js";
import { newestRevisionIn, type Position } from "../protocol/position.js";

/** The history of a database: its epoch, and the generations that wrote it. */
export class History {
  readonly epoch: string;
  /** Oldest first; at least one. */
  readonly generations: readonly Generation[];
  /** The epoch of positions in the newest generation. */
  readonly label: string;

  constructor(epoch: string, generations: readonly Generation[]) {
    this.epoch = epoch;
    this.generations = generations;
    this.label = labelOf(epoch, this.generation);
  }

  /** The id of the newest generation. */
  get generation(): string {
    return this.generations.at(-1)!.id;
  }

  /** Whether `label` is the epoch of a position in this history, or in a fork of it. */
  isSameEpoch(label: string): boolean {
    return label === this.epoch || label.startsWith(`${this.epoch}${SEPARATOR}`);
  }

  /**
   * The newest revision of a position with this epoch that this history has kept: where the next generation began.
   * Infinity for the newest generation, -1 for one that is unknown.
   */
  keptUpTo(label: string): number {
    if (label === this.label) return Infinity;
    const index = this.generations.findIndex(({ id }) => labelOf(this.epoch, id) === label);
    return index === -1 ? -1 : this.generations[index + 1]!.startsAt;
  }

  /** Whether what a subscriber has received up to `position` is a part of this history. */
  includes(position: Position): boolean {
    return newestRevisionIn(position) <= this.keptUpTo(position.epoch);
  }
}

function labelOf(epoch: string, generation: string): string {
  return generation === "" ? epoch : `${epoch}${SEPARATOR}${generation}`;
}

const SEPARATOR = "~";
