import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import { anonymousCaller, type Caller } from "./caller.js";

/** Knows who asks, by what they bring. Any number may ask at once. */
export interface Authenticator {
  /** Whether everybody may do everything. */
  readonly allowsAnonymous: boolean;
  /**
   * Who has this token; at once where that is known.
   * @throws TidemarkError UNAUTHENTICATED, which says nothing of what is wrong with the token; UNAVAILABLE where it
   * can't be judged now.
   */
  authenticate(token: string | undefined): Caller | Promise<Caller>;
  /** Knows nobody any more. Closing twice is harmless. */
  close(): void;
}

export interface AuthenticatorOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** For `--auth none`. */
export class AnonymousAuthenticator implements Authenticator {
  readonly allowsAnonymous = true;
  readonly #caller: Caller;

  constructor(clock: Clock) {
    this.#caller = anonymousCaller(clock);
  }

  authenticate(): Caller {
    return this.#caller;
  }

  close(): void {}
}

/** Who asks has no token. */
export function missingTokenError(): TidemarkError {
  const how = "send it as `Authorization: Bearer TOKEN`, over WebSocket in the payload of connection_init";
  return new TidemarkError(
    "UNAUTHENTICATED",
    `This server wants to know who asks: give a token, and ${how}.`,
  );
}

/** The token is none of ours, or has run out before it came. What is wrong with it, the log says. */
export function invalidTokenError(): TidemarkError {
  return new TidemarkError("UNAUTHENTICATED", "The token is not good. Come back with another one.");
}

/** The token was good. */
export function expiredTokenError(): TidemarkError {
  return new TidemarkError("UNAUTHENTICATED", "The token is no longer good. Come back with another one.");
}

/** A longer token is not looked at. */
export const TOKEN_LENGTH_MAX = 8_192;

/** The token of a header `Authorization: Bearer …`; undefined where there is none. */
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
