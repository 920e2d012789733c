import { spread } from "../rounds.js";

/** Who is measured beside whom. */
export interface Contender {
  readonly name: string;
  /** In the folder of the benches. */
  readonly script: string;
  readonly args?: readonly string[];
}

export const TIDEMARK: Contender = {
  name: "Tidemark",
  script: "tidemark.mjs",
  args: [`{"keepAlive":"10m"}`],
};
export const RAW: Contender = { name: "raw ws", script: "rivals/raw-ws.mjs" };
export const RAW_COALESCED: Contender = { ...RAW, name: "raw ws, a write a turn", args: ["coalesce"] };
export const YOGA: Contender = { name: "yoga", script: "rivals/yoga.mjs" };
export const MERCURIUS: Contender = { name: "mercurius", script: "rivals/mercurius.mjs" };
export const APOLLO: Contender = { name: "apollo", script: "rivals/apollo.mjs" };

/**
 * What was measured, by name, one figure a round. All of one round were measured one after the other, so a ratio is
 * made within a round, of figures of much the same machine, and then the median of those.
 */
export class Figures {
  readonly #byName = new Map<string, number[]>();

  add(name: string, figure: number): void {
    this.#byName.set(name, [...this.of(name), figure]);
  }

  of(name: string): readonly number[] {
    return this.#byName.get(name) ?? [];
  }

  /** As "12.1 [10..12.5]": median, least, most. */
  spread(name: string, digits = 1): string {
    return spread(this.of(name), digits);
  }

  /** How many times `under` goes into `over`, by rounds. */
  ratio(over: string, under: string, digits = 2): string {
    const divisors = this.of(under);
    return spread(
      this.of(over).map((figure, round) => figure / divisors[round]!),
      digits,
    );
  }

  toJSON(): object {
    return Object.fromEntries(this.#byName);
  }
}
