import type { Log } from "../util/log.js";
import {
  TOKEN_LENGTH_MAX,
  missingTokenError,
  invalidTokenError,
  type Authenticator,
} from "./authenticator.js";
import type { Caller } from "./caller.js";
import { hashToken } from "./issue-token.js";

/** What all kinds of tokens have in common: who has one that is known is found by its hash, and only others are made out. */
export abstract class BearerAuthenticator implements Authenticator {
  readonly allowsAnonymous = false;
  readonly #log: Log;

  protected constructor(log: Log) {
    this.#log = log;
  }

  authenticate(token: string | undefined): Caller | Promise<Caller> {
    if (token === undefined) throw missingTokenError();
    if (token.length > TOKEN_LENGTH_MAX) return this.reject("it is too long");
    const hash = hashToken(token);
    const caller = this.findKnown(hash);
    return caller ? this.requireValid(caller) : this.verify(token, hash);
  }

  abstract close(): void;

  /** Who has the token with this hash, as far as it was made out before. */
  protected abstract findKnown(hash: string): Caller | undefined;

  /** Who has a token that is not known. @throws TidemarkError as `authenticate` */
  protected abstract verify(token: string, hash: string): Promise<Caller>;

  /** The same caller. @throws TidemarkError UNAUTHENTICATED where it is over */
  protected requireValid(caller: Caller): Caller {
    return caller.isExpired ? this.reject("it has run out", caller.rights.id) : caller;
  }

  /** @param reason for the log alone. @throws TidemarkError UNAUTHENTICATED, always */
  protected reject(reason: string, id?: string): never {
    this.#log.info({ reason, id }, "a token was refused");
    throw invalidTokenError();
  }
}
