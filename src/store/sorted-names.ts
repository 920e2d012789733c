/** Names sorted by code unit. A page costs time in proportion to its length; a binary search finds its start. */
export class SortedNames<T extends string> {
  readonly #names: T[] = [];

  /** Adding a name twice is harmless. */
  add(name: T): void {
    const at = this.#firstNotBelow(name);
    if (this.#names[at] !== name) this.#names.splice(at, 0, name);
  }

  /** Deleting an unknown name is harmless. */
  delete(name: T): void {
    const at = this.#firstNotBelow(name);
    if (this.#names[at] === name) this.#names.splice(at, 1);
  }

  /** The first `count` names after `after`, which need not exist; all names are after "". */
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
