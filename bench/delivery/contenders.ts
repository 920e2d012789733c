import { spread } from "../rounds.js";

export interface Contender {
  readonly name: string;
  /** Relative to `bench/`. */
  readonly script: string;
  readonly args?: readonly string[];
}

export const TIDEMARK: Contender = {
  name: "Tidemark",
  script: "tidemark.mjs",
  args: [`{"keepAlive":"10m"}`],
};
export const RAW: Contender = { name: "raw ws", script: "rivals/raw-ws.mjs" };
export const RAW_COALESCED: Contender = { ...RAW, name: "raw ws, one write per turn", args: ["coalesce"] };
export const YOGA: Contender = { name: "yoga", script: "rivals/yoga.mjs" };
export const MERCURIUS: Contender = { name: "mercurius", script: "rivals/mercurius.mjs" };
export const APOLLO: Contender = { name: "apollo", script: "rivals/apollo.mjs" };

/** Named figures, one per round. A ratio compares figures of one round, which saw much the same machine. */
export class Figures {
  readonly #byName = new Map<string, number[]>();

  add(name: string, figure: number): void {
    this.#byName.set(name, [...this.of(name), figure]);
  }

  of(name: string): readonly number[] {
    return this.#byName.get(name) ?? [];
  }

  /** For example "12.1 [10..12.5]": median, minimum, maximum. */
  spread(name: string, digits = 1): string {
    return spread(this.of(name), digits);
  }

  /** The spread of `over` divided by `under`, by rounds. */
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
