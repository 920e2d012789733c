import type { Log } from "../util/log.js";
import { TOKEN_LENGTH_MAX, tokenIsMissing, tokenIsNotGood, type Authenticator } from "./authenticator.js";
import type { Caller } from "./caller.js";
import { hashOf } from "./issue-token.js";

/** What all kinds of tokens have in common: who has one that is known is found by its hash, and only others are made out. */
export abstract class BearerAuthenticator implements Authenticator {
  readonly isOpen = false;
  readonly #log: Log;

  protected constructor(log: Log) {
    this.#log = log;
  }

  authenticate(token: string | undefined): Caller | Promise<Caller> {
    if (token === undefined) throw tokenIsMissing();
    if (token.length > TOKEN_LENGTH_MAX) return this.refuse("it is too long");
    const hash = hashOf(token);
    const caller = this.known(hash);
    return caller ? this.whileGood(caller) : this.makeOut(token, hash);
  }

  abstract close(): void;

  /** Who has the token with this hash, as far as it was made out before. */
  protected abstract known(hash: string): Caller | undefined;

  /** Who has a token that is not known. @throws TidemarkError as `authenticate` */
  protected abstract makeOut(token: string, hash: string): Promise<Caller>;

  /** The same caller. @throws TidemarkError UNAUTHENTICATED where it is over */
  protected whileGood(caller: Caller): Caller {
    return caller.isOver ? this.refuse("it has run out", caller.rights.id) : caller;
  }

  /** @param reason for the log alone. @throws TidemarkError UNAUTHENTICATED, always */
  protected refuse(reason: string, id?: string): never {
    this.#log.info({ reason, id }, "a token was refused");
    throw tokenIsNotGood();
  }
}
