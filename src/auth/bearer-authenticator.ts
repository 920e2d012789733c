import {
  TOKEN_LENGTH_MAX,
  type AuthenticationFailure,
  type Authenticator,
  type JobShare,
  type ShareRequest,
} from "./authenticator.js";
import type { Caller } from "./caller.js";
import { InvalidTokenError } from "./invalid-token-error.js";
import { hashToken } from "./issue-token.js";
import { missingTokenError } from "./token-errors.js";

/** The base of token authenticators: looks up known tokens by their hash and verifies only the others. */
export abstract class BearerAuthenticator implements Authenticator {
  readonly allowsAnonymous = false;

  authenticate(token: string | undefined): Caller | Promise<Caller> {
    if (token === undefined) throw missingTokenError();
    if (token.length > TOKEN_LENGTH_MAX) return this.reject("the token is too long");
    const hash = hashToken(token);
    const caller = this.findKnown(hash);
    return caller ? this.requireValid(caller) : this.verify(token, hash);
  }

  get failures(): readonly AuthenticationFailure[] {
    return [];
  }

  abstract shareJob(request: ShareRequest): Promise<JobShare>;

  abstract close(): void;

  /** The caller that is known for the hash of a token. */
  protected abstract findKnown(hash: string): Caller | undefined;

  /** Resolves a token that is not known yet. @throws TidemarkError as `authenticate` */
  protected abstract verify(token: string, hash: string): Promise<Caller>;

  /** Returns the same caller. @throws TidemarkError UNAUTHENTICATED if it has expired. */
  protected requireValid(caller: Caller): Caller {
    return caller.isExpired ? this.reject("the token has expired", caller.rights.id) : caller;
  }

  /** @param reason goes to the log only. @throws InvalidTokenError, always. */
  protected reject(reason: string, id?: string): never {
    throw new InvalidTokenError(reason, id);
  }
}
