import type { Limits } from "../protocol/limits.js";
import type { DatabaseName, Username } from "../tasks/names.js";

/**
 * The memory that all jobs of a server may take. Every other limit bounds one thing, but not their product: the largest
 * trees in the fullest databases would exceed any heap. So each open store has an account of the estimated bytes of its
 * jobs, and a change that would pass a bound is rejected before it is made.
 *
 * A change reserves its bytes until it is written and applied, so that databases that write at the same time cannot pass
 * a bound together.
 */
export class MemoryBudget {
  readonly limits: Limits;
  readonly copies: number;
  readonly #onFull: () => void;
  readonly #accounts = new Set<MemoryAccount>();
  readonly #users = new Map<Username, number>();
  #bytes = 0;

  /**
   * @param copies how often a job is kept: a journal in memory keeps another copy of each
   * @param onFull called when a change is rejected because the memory of the server is full
   */
  constructor(limits: Limits, copies = 1, onFull = (): void => {}) {
    this.limits = limits;
    this.copies = copies;
    this.#onFull = onFull;
  }

  /** The estimated bytes of all jobs in open databases. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether new tasks would leave less than the reserve for reports. */
  get isNearlyFull(): boolean {
    return this.#bytes > NEARLY_FULL_SHARE * this.limits.memoryMax;
  }

  bytesOf(username: Username): number {
    return this.#users.get(username) ?? 0;
  }

  /** The accounts that hold the most bytes, largest first. */
  largest(count: number): readonly MemoryAccount[] {
    return [...this.#accounts].toSorted((a, b) => b.bytes - a.bytes).slice(0, count);
  }

  /** Opens the account of a database. */
  open(database: DatabaseName): MemoryAccount {
    const account = new MemoryAccount(this, database);
    this.#accounts.add(account);
    return account;
  }

  /** @throws MemoryFullError if the jobs of `account`, which is being loaded, do not fit beside the others. */
  checkFits({ bytes }: MemoryAccount): void {
    const { memoryMax } = this.limits;
    if (this.#bytes > memoryMax) throw new MemoryFullError(bytes, this.#bytes - bytes, memoryMax);
  }

  /** @throws MemoryFullError if a database that needs so many bytes does not fit beside the others. */
  checkFree(needed: number): void {
    const { memoryMax } = this.limits;
    if (this.#bytes + needed > memoryMax) throw new MemoryFullError(needed, this.#bytes, memoryMax);
  }

  /** For accounts. */
  reportShortage({ limit }: MemoryShortage): void {
    if (limit === "memoryMax") this.#onFull();
  }

  /** For accounts. */
  charge(username: Username, bytes: number): void {
    this.#bytes += bytes;
    addTo(this.#users, username, bytes);
  }

  /** For accounts. */
  forget(account: MemoryAccount): void {
    this.#accounts.delete(account);
  }
}

/** Thrown when a database needs more memory than is free. */
export class MemoryFullError extends Error {
  override readonly name = "MemoryFullError";
  /** The bytes that the database needs at least: reading it ends at the bound. */
  readonly needed: number;
  /** The bytes that the other databases take. */
  readonly used: number;

  constructor(needed: number, used: number, bound: number) {
    const others = used === 0 ? "" : `, and the other databases take ${sizeText(used)}`;
    super(
      `it needs more than ${sizeText(needed)} of memory, but --memory-max is ${sizeText(bound)}${others}`,
    );
    this.needed = needed;
    this.used = used;
  }
}

/** `31500000 bytes (31.5 MB)`: `--memory-max` takes bytes. */
function sizeText(bytes: number): string {
  return `${bytes} bytes (${(bytes / 1e6).toFixed(1)} MB)`;
}

/** The bytes of the jobs and the removals in one open database. */
export class MemoryAccount {
  readonly database: DatabaseName;
  readonly #budget: MemoryBudget;
  readonly #users = new Map<Username, number>();
  #bytes = 0;

  constructor(budget: MemoryBudget, database: DatabaseName) {
    this.#budget = budget;
    this.database = database;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Charges the size of a job to its user; a negative number returns it. */
  charge(username: Username, heapSize: number): void {
    const bytes = heapSize * this.#budget.copies;
    this.#bytes += bytes;
    addTo(this.#users, username, bytes);
    this.#budget.charge(username, bytes);
  }

  /**
   * The bounds that a job of a user would pass if it grew by `growth` bytes.
   * @param share the part of each bound that may be filled.
   */
  shortages(username: Username, growth: number, share: number): readonly MemoryShortage[] {
    const budget = this.#budget;
    const bytes = growth * budget.copies;
    const uses = [
      { limit: "memoryPerUserMax", used: budget.bytesOf(username), username },
      { limit: "memoryPerDatabaseMax", used: this.#bytes },
      { limit: "memoryMax", used: budget.bytes },
    ] as const;
    return uses.flatMap((use) => {
      const bound = budget.limits[use.limit];
      const missing = use.used + bytes - share * bound;
      return missing > 0 ? { ...use, bound, needed: bytes, missing: missing / budget.copies } : [];
    });
  }

  /** Reports that a change is rejected for this shortage. */
  reportShortage(shortage: MemoryShortage): void {
    this.#budget.reportShortage(shortage);
  }

  /** Returns all bytes. */
  clear(): void {
    for (const [username, bytes] of this.#users) this.#budget.charge(username, -bytes);
    this.#users.clear();
    this.#bytes = 0;
  }

  /** Returns all bytes, of a database that is closed. */
  close(): void {
    this.clear();
    this.#budget.forget(this);
  }
}

/** A bound that a change would pass. Bytes. */
export interface MemoryShortage {
  readonly limit: "memoryMax" | "memoryPerDatabaseMax" | "memoryPerUserMax";
  readonly bound: number;
  readonly used: number;
  /** The bytes that the change needs. */
  readonly needed: number;
  /** The sizes of the jobs that must be removed first: */
  readonly missing: number;
  /** of this user, or of any user. */
  readonly username?: Username;
}

/** Below the share that new tasks may fill. */
const NEARLY_FULL_SHARE = 0.85;

function addTo(users: Map<Username, number>, username: Username, bytes: number): void {
  const after = (users.get(username) ?? 0) + bytes;
  if (after === 0) users.delete(username);
  else users.set(username, after);
}
