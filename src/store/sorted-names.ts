/** Names in ascending order of their code units, found by bisection: a page of them costs its length. */
export class SortedNames<T extends string> {
  readonly #names: T[] = [];

  /** Adding a name that is there is harmless. */
  add(name: T): void {
    const at = this.#firstNotBelow(name);
    if (this.#names[at] !== name) this.#names.splice(at, 0, name);
  }

  /** Removing a name that is not there is harmless. */
  delete(name: T): void {
    const at = this.#firstNotBelow(name);
    if (this.#names[at] === name) this.#names.splice(at, 1);
  }

  /** The first `count` names after `after`, which need not be one of them; all names are after "". */
  page(count: number, after: string): T[] {
    const at = this.#firstNotBelow(after);
    const start = this.#names[at] === after ? at + 1 : at;
    return this.#names.slice(start, start + count);
  }

  #firstNotBelow(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#names[middle]! >= name) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
