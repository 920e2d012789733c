import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { Limits } from "../protocol/limits.js";
import { anonymousCaller, type Caller, type CallerRights } from "./caller.js";

/** Authenticates callers by their token. Supports concurrent calls. */
export interface Authenticator {
  /** Whether callers without a token have full access. */
  readonly allowsAnonymous: boolean;
  /**
   * Resolves a token to its caller, synchronously if the caller is cached.
   * @throws TidemarkError UNAUTHENTICATED, an InvalidTokenError for a token; UNAVAILABLE if the token can't be verified now.
   */
  authenticate(token: string | undefined): Caller | Promise<Caller>;
  /**
   * Creates a token that permits reading one job. Check the caller's rights before.
   * @throws TidemarkError FORBIDDEN if tokens are created elsewhere; LIMIT_EXCEEDED; UNAVAILABLE if it can't store the token.
   */
  shareJob(request: ShareRequest): Promise<JobShare>;
  /** What keeps it from verifying tokens; empty if nothing does. */
  readonly failures: readonly AuthenticationFailure[];
  /** Releases timers and caches. Idempotent. */
  close(): void;
}

export interface ShareRequest {
  readonly job: NonNullable<CallerRights["job"]>;
  /** The user who shares the job. */
  readonly username: Caller["username"];
  readonly lifeMs: number;
  readonly limits: Limits;
}

/** What it takes to read a shared job. */
export interface JobShare {
  /** Empty if no token is required. */
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface AuthenticationFailure {
  readonly source: "tokens file" | "OpenID provider";
  /** For the operator. Names no user and no token. */
  readonly reason: string;
  /** Whether every token is rejected. Until then, the tokens that were read before stay valid. */
  readonly rejectsAll: boolean;
}

export interface AuthenticatorOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** For `--auth none`. */
export class AnonymousAuthenticator implements Authenticator {
  readonly allowsAnonymous = true;
  readonly failures = [];
  readonly #caller: Caller;

  constructor(clock: Clock) {
    this.#caller = anonymousCaller(clock);
  }

  authenticate(): Caller {
    return this.#caller;
  }

  async shareJob(): Promise<JobShare> {
    return { token: "", expiresAt: END_OF_TIME };
  }

  close(): void {}
}

/** The latest instant that RFC 3339 can express. */
const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Longer tokens are rejected unread. */
export const TOKEN_LENGTH_MAX = 8_192;

/** The token in a header `Authorization: Bearer …`, if there is one. */
export function bearerToken(authorization: unknown): string | undefined {
  if (typeof authorization !== "string") return undefined;
  return BEARER.exec(authorization)?.[1];
}

const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** The token in the payload of a `connection_init`: `{ authorization: "Bearer …" }`, or `{ token }`. */
export function tokenInPayload(payload: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const { authorization, Authorization, token } = payload ?? {};
  if (typeof token === "string") return token;
  return bearerToken(authorization ?? Authorization);
}
