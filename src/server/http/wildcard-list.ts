/**
 * A list of names, some of which begin with a wildcard: `*.example` matches every name that ends with `.example`, on any
 * level, but not `example` itself. In `https://*.example:8443` the scheme and the port must match too.
 */
export class WildcardList {
  readonly #exact: ReadonlySet<string>;
  readonly #wildcards: readonly Wildcard[];

  /** @param entries in canonical form, so that equal names are equal texts. */
  constructor(entries: readonly string[]) {
    this.#exact = new Set(entries.filter((entry) => !entry.includes("*")));
    this.#wildcards = entries.filter((entry) => entry.includes("*")).map(wildcardOf);
  }

  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#wildcards.length === 0;
  }

  /** Whether an entry matches the name, which is in canonical form. */
  has(name: string): boolean {
    return this.#exact.has(name) || this.#wildcards.some((wildcard) => matches(wildcard, name));
  }
}

interface Wildcard {
  /** `https://` */
  readonly before: string;
  /** `.example:8443` */
  readonly after: string;
}

function wildcardOf(entry: string): Wildcard {
  const [before = "", after = ""] = entry.split("*");
  return { before, after };
}

function matches({ before, after }: Wildcard, name: string): boolean {
  return name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
}
