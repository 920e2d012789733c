import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import { anonymousCaller, type Caller } from "./caller.js";

/** Knows who asks, by what they bring. Any number may ask at once. */
export interface Authenticator {
  /** Whether everybody may do everything. */
  readonly isOpen: boolean;
  /**
   * Who has this token; at once where that is known.
   * @throws TidemarkError UNAUTHENTICATED, the same whatever is wrong with it; the log says more.
   */
  authenticate(token: string | undefined): Caller | Promise<Caller>;
  /** Knows nobody any more. Closing twice is harmless. */
  close(): void;
}

/** For `--auth none`. */
export class OpenAuthenticator implements Authenticator {
  readonly isOpen = true;
  readonly #caller: Caller;

  constructor(clock: Clock) {
    this.#caller = anonymousCaller(clock);
  }

  authenticate(): Caller {
    return this.#caller;
  }

  close(): void {}
}

/** Whoever asks has to say who they are. */
export function unauthenticated(message: string, cause?: unknown): TidemarkError {
  return new TidemarkError("UNAUTHENTICATED", message, { cause });
}

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
