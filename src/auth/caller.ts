import { ANONYMOUS, type DatabaseName, type JobKey, type Username } from "../tasks/names.js";
import { DELAY_MAX_MS, type Clock, type Timer } from "../util/clock.js";
import type { Role } from "./roles.js";

/** What a token says of who has it. */
export interface CallerRights {
  /** Names the token in logs and in what is counted, and is not it. */
  readonly id: string;
  readonly username: Username;
  readonly role: Role;
  /** The databases that it is for, as `parseDatabasePattern` has them. */
  readonly databases: readonly string[];
  /** It is for this one job alone. */
  readonly job?: (JobKey & { readonly database: DatabaseName }) | undefined;
  /** Milliseconds since 1970; left out where it does not run out. */
  readonly expiresAt?: number | undefined;
}

/**
 * Who asks, and for how long. It is over when its token runs out or is revoked, and stays so; who asks with the
 * same token again, when its rights have changed, is another caller.
 */
export class Caller {
  readonly rights: CallerRights;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #isOver = false;
  #timer: Timer | undefined;

  constructor(rights: CallerRights, clock: Clock) {
    this.rights = rights;
    this.#clock = clock;
  }

  get username(): Username {
    return this.rights.username;
  }

  /** Whether nothing may be asked and told any more. */
  get isExpired(): boolean {
    return this.#isOver || this.#hasRunOut();
  }

  /**
   * Calls back once, when it is over; at once if it is.
   * @returns what takes that back; twice is harmless.
   */
  onExpired(listener: () => void): () => void {
    if (this.isExpired) {
      listener();
      return () => {};
    }
    this.#listeners.add(listener);
    this.#watchTheTime();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  /** Nothing is right any more that it says: it was revoked, or says something else now. */
  expire(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopWatching();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #hasRunOut(): boolean {
    const { expiresAt } = this.rights;
    return expiresAt !== undefined && this.#clock.now() >= expiresAt;
  }

  /** By a timer, which goes on when the time of day is set back. */
  #watchTheTime(): void {
    const { expiresAt } = this.rights;
    if (this.#timer || expiresAt === undefined) return;
    const leftMs = expiresAt - this.#clock.now();
    this.#timer = this.#clock.schedule(Math.min(leftMs, DELAY_MAX_MS), () => {
      this.#timer = undefined;
      if (leftMs <= DELAY_MAX_MS) this.expire();
      else this.#watchTheTime();
    });
  }

  #stopWatching(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** Who asks where nobody is asked who they are: everything is theirs. */
export function anonymousCaller(clock: Clock): Caller {
  return new Caller({ id: ANONYMOUS, username: ANONYMOUS, role: "admin", databases: ["*"] }, clock);
}
