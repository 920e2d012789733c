import type { TidemarkError } from "../protocol/tidemark-error.js";
import { ANONYMOUS, type DatabaseName, type JobKey, type Username } from "../tasks/names.js";
import { expiredTokenError } from "./token-errors.js";
import { DELAY_MAX_MS, type Clock, type Timer } from "../util/clock.js";

/** The roles of callers. Each role includes the rights of the one before it. */
export const ROLES = [
  /** Sees the jobs of its own user. */
  "viewer",
  /** Also reports the jobs of its own user. */
  "reporter",
  /** Sees and changes the jobs of all users, and may purge a database. */
  "admin",
] as const;

export type Role = (typeof ROLES)[number];

/** @throws RangeError */
export function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role) return role;
  throw new RangeError(`${JSON.stringify(text)} is not one of the roles ${ROLES.join(", ")}`);
}

/** The rights that a token grants. */
export interface CallerRights {
  /** Identifies the token in logs and counters without revealing it. */
  readonly id: string;
  readonly username: Username;
  readonly role: Role;
  /** Patterns of the databases that it covers; see `parseDatabasePattern`. */
  readonly databases: readonly string[];
  /** Restricts the token to this job. */
  readonly job?: (JobKey & { readonly database: DatabaseName }) | undefined;
  /** The user who shared the job. */
  readonly sharedBy?: Username | undefined;
  /** Milliseconds since 1970; absent if the token never expires. */
  readonly expiresAt?: number | undefined;
}

/**
 * An authenticated client. A caller expires for good when its token expires, is revoked or changes its rights; the
 * same token with other rights is another caller.
 */
export class Caller {
  readonly rights: CallerRights;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #endError: TidemarkError | undefined;
  #timer: Timer | undefined;

  constructor(rights: CallerRights, clock: Clock) {
    this.rights = rights;
    this.#clock = clock;
  }

  get username(): Username {
    return this.rights.username;
  }

  /** Whether the caller has lost all rights. */
  get isExpired(): boolean {
    return this.#endError !== undefined || this.#isPastExpiry();
  }

  /** Why the caller has lost its rights: UNAUTHENTICATED, or UNAVAILABLE if the same token may be valid later. */
  get endError(): TidemarkError {
    return this.#endError ?? expiredTokenError();
  }

  /**
   * Calls back once, when the caller expires; immediately if it has.
   * @returns an idempotent function that removes the listener.
   */
  onExpired(listener: () => void): () => void {
    if (this.isExpired) {
      listener();
      return () => {};
    }
    this.#listeners.add(listener);
    this.#scheduleExpiry();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#cancelTimer();
    };
  }

  /** Expires the caller because its token was revoked, has other rights now, or can't be verified any more. */
  expire(error = expiredTokenError()): void {
    if (this.#endError) return;
    this.#endError = error;
    this.#cancelTimer();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #isPastExpiry(): boolean {
    const { expiresAt } = this.rights;
    return expiresAt !== undefined && this.#clock.now() >= expiresAt;
  }

  /** Uses a timer, which keeps running when the time of day is set back. */
  #scheduleExpiry(): void {
    const { expiresAt } = this.rights;
    if (this.#timer || expiresAt === undefined) return;
    const leftMs = expiresAt - this.#clock.now();
    this.#timer = this.#clock.schedule(Math.min(leftMs, DELAY_MAX_MS), () => {
      this.#timer = undefined;
      if (leftMs <= DELAY_MAX_MS) this.expire();
      else this.#scheduleExpiry();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** The caller of every request with `--auth none`. It has full access. */
export function anonymousCaller(clock: Clock): Caller {
  return new Caller({ id: ANONYMOUS, username: ANONYMOUS, role: "admin", databases: ["*"] }, clock);
}
