import type { Timer } from "../util/clock.js";
import { Mutex } from "../util/keyed-mutex.js";
import type { AuthenticatorOptions } from "./authenticator.js";
import { BearerAuthenticator } from "./bearer-authenticator.js";
import { Caller, type CallerRights } from "./caller.js";
import { readTokens, fileStampOf, type TokenRecord } from "./token-file.js";

/**
 * For `--auth tokens:FILE`: opaque tokens, each with a caller of its own. The file is looked at twice a second; who
 * has a token that is no longer in it, or is for something else now, is over then. A token that is not known is looked
 * for at once. A file that can't be read any more changes nothing, and the log says so.
 */
export class TokenAuthenticator extends BearerAuthenticator {
  readonly #path: string;
  readonly #options: AuthenticatorOptions;
  #stamp: string;
  /** By the token's hash: how far a guess agrees with one tells nothing about a token. */
  #callers: ReadonlyMap<string, Caller>;
  readonly #looks = new Mutex();
  #timer: Timer | undefined;
  #isClosed = false;

  /** @throws Error for a file that can't be read. */
  static async open(path: string, options: AuthenticatorOptions): Promise<TokenAuthenticator> {
    const stamp = await fileStampOf(path);
    return new TokenAuthenticator(path, options, stamp, await readTokens(path));
  }

  private constructor(
    path: string,
    options: AuthenticatorOptions,
    stamp: string,
    tokens: readonly TokenRecord[],
  ) {
    super(options.log);
    this.#path = path;
    this.#options = options;
    this.#stamp = stamp;
    this.#callers = new Map(tokens.map((token) => [token.sha256, this.#callerOf(token)]));
    this.#lookSoon();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  protected findKnown(hash: string): Caller | undefined {
    return this.#callers.get(hash);
  }

  protected async verify(_: string, hash: string): Promise<Caller> {
    await this.#look();
    const caller = this.findKnown(hash);
    return caller ? this.requireValid(caller) : this.reject("it is unknown, or was revoked");
  }

  #lookSoon(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.schedule(LOOK_MS, () => {
      void this.#look().finally(() => this.#lookSoon());
    });
  }

  /** One look after the other; never fails. */
  #look(): Promise<void> {
    return this.#looks.runExclusive(() => this.#readIfChanged());
  }

  async #readIfChanged(): Promise<void> {
    const stamp = await fileStampOf(this.#path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#take(await readTokens(this.#path));
      this.#options.log.info({ tokens: this.#callers.size }, "the tokens were read again");
    } catch (error) {
      this.#options.log.error(
        { err: error },
        "the tokens could not be read again; those from before are good",
      );
    }
  }

  /** Who is as before stays; who is not is over. */
  #take(tokens: readonly TokenRecord[]): void {
    const before = this.#callers;
    const callers = new Map<string, Caller>();
    for (const token of tokens) {
      const [known, caller] = [before.get(token.sha256), this.#callerOf(token)];
      callers.set(token.sha256, known && isSame(known, caller) ? known : caller);
    }
    this.#callers = callers;
    for (const [hash, caller] of before) if (callers.get(hash) !== caller) caller.expire();
  }

  #callerOf(token: TokenRecord): Caller {
    return new Caller(rightsOf(token), this.#options.clock);
  }
}

/** Between two looks at the file, milliseconds. */
const LOOK_MS = 500;

function rightsOf({ id, username, role, databases, job, expiresAt }: TokenRecord): CallerRights {
  const runsOutAt = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { id, username, role, databases, job, expiresAt: runsOutAt };
}

function isSame(a: Caller, b: Caller): boolean {
  return JSON.stringify(a.rights) === JSON.stringify(b.rights);
}
