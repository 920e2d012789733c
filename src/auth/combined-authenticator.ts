import type { AuthenticationFailure, Authenticator, JobShare, ShareRequest } from "./authenticator.js";
import type { Caller } from "./caller.js";

/**
 * For `--auth tokens:FILE` with `--oidc-issuer`: people sign in with the provider, and programs use tokens of the file. Each
 * works while the other fails. A JSON Web Token has dots, and a token of the file has none.
 */
export class CombinedAuthenticator implements Authenticator {
  readonly allowsAnonymous = false;
  readonly #tokens: Authenticator;
  readonly #openId: Authenticator;

  constructor(tokens: Authenticator, openId: Authenticator) {
    this.#tokens = tokens;
    this.#openId = openId;
  }

  authenticate(token: string | undefined): Caller | Promise<Caller> {
    return (token?.includes(".") ? this.#openId : this.#tokens).authenticate(token);
  }

  /** Writes a token to the file. */
  shareJob(request: ShareRequest): Promise<JobShare> {
    return this.#tokens.shareJob(request);
  }

  get failures(): readonly AuthenticationFailure[] {
    const failures = [...this.#tokens.failures, ...this.#openId.failures];
    const rejectsAll = failures.length === 2 && failures.every((failure) => failure.rejectsAll);
    return failures.map((failure) => ({ ...failure, rejectsAll }));
  }

  close(): void {
    this.#tokens.close();
    this.#openId.close();
  }
}
