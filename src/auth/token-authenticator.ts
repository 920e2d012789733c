import type { Timer } from "../util/clock.js";
import { Mutex } from "../util/keyed-mutex.js";
import type { AuthenticationFailure, AuthenticatorOptions, JobShare, ShareRequest } from "./authenticator.js";
import { BearerAuthenticator } from "./bearer-authenticator.js";
import { Caller, type CallerRights } from "./caller.js";
import { issueToken } from "./issue-token.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import { unsharableError, unverifiableTokenError } from "./token-errors.js";
import { readTokens, fileStampOf, type TokenRecord } from "./token-file.js";

/**
 * For `--auth tokens:FILE`: opaque tokens, one caller per token. The server checks the file for changes twice a
 * second, and immediately for an unknown token. Callers expire when their token is removed or its rights change.
 *
 * While the file can't be read, the server can't learn of revoked tokens. It keeps the previous tokens for a minute,
 * because an operator may be replacing the file, and then rejects every token until it can read the file again.
 */
export class TokenAuthenticator extends BearerAuthenticator {
  readonly #path: string;
  readonly #options: AuthenticatorOptions;
  #stamp: string;
  /** By the token's hash, so that the timing of a lookup reveals nothing about a token. */
  #callers: ReadonlyMap<string, Caller>;
  readonly #reloads = new Mutex();
  readonly #shares = new Mutex();
  /** The monotonic time since which the file can't be read. */
  #unreadableSince: number | undefined;
  #rejectsAll = false;
  #timer: Timer | undefined;
  #isClosed = false;

  /** @throws Error if the file can't be read. */
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
    super();
    this.#path = path;
    this.#options = options;
    this.#stamp = stamp;
    this.#callers = new Map(tokens.map((token) => [token.sha256, this.#callerOf(token)]));
    this.#scheduleReload();
  }

  override get failures(): readonly AuthenticationFailure[] {
    if (this.#unreadableSince === undefined) return [];
    const reason = "the tokens file cannot be read";
    return [{ source: "tokens file", reason, rejectsAll: this.#rejectsAll }];
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** One at a time, so that the count is exact and only other processes contend for the lock of the file. */
  shareJob(request: ShareRequest): Promise<JobShare> {
    return this.#shares.runExclusive(() => this.#shareJob(request));
  }

  async #shareJob({ job, username, lifeMs, limits: { sharesPerUserMax } }: ShareRequest): Promise<JobShare> {
    if (this.#countSharesOf(username) >= sharesPerUserMax) throw tooManyShares(username, sharesPerUserMax);
    const { clock, log } = this.#options;
    const rights = { username: job.username, role: "viewer", databases: [job.database], job } as const;
    try {
      const grant = { ...rights, sharedBy: username, lifeMs };
      const { token, expiresAt } = await issueToken(this.#path, grant, clock, {
        mustExist: true,
        lockWaitMs: LOCK_WAIT_MS,
      });
      await this.#reload();
      return { token, expiresAt: expiresAt! }; // it has a lifetime
    } catch (error) {
      log.error({ err: error }, "cannot store the token of a shared job");
      throw unsharableError(error);
    }
  }

  #countSharesOf(username: string): number {
    let count = 0;
    for (const { rights, isExpired } of this.#callers.values())
      if (rights.sharedBy === username && !isExpired) count++;
    return count;
  }

  protected findKnown(hash: string): Caller | undefined {
    return this.#callers.get(hash);
  }

  protected async verify(_: string, hash: string): Promise<Caller> {
    await this.#reload();
    if (this.#rejectsAll) throw unverifiableTokenError();
    const caller = this.findKnown(hash);
    return caller ? this.requireValid(caller) : this.reject("the token is unknown or was revoked");
  }

  #scheduleReload(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.schedule(RELOAD_INTERVAL_MS, () => {
      void this.#reload().finally(() => this.#scheduleReload());
    });
  }

  /** One at a time. Never rejects. */
  #reload(): Promise<void> {
    return this.#reloads.runExclusive(() => this.#readIfChanged());
  }

  async #readIfChanged(): Promise<void> {
    const stamp = await fileStampOf(this.#path);
    if (stamp === this.#stamp && this.#unreadableSince === undefined) return;
    try {
      this.#replaceCallers(await readTokens(this.#path));
      this.#stamp = stamp;
      this.#unreadableSince = undefined;
      this.#rejectsAll = false;
      this.#options.log.info({ tokens: this.#callers.size }, "reloaded the tokens file");
    } catch (error) {
      this.#onUnreadable(error);
    }
  }

  /** Logs the failure when it begins, and when the grace is over. */
  #onUnreadable(error: unknown): void {
    const { clock, log } = this.#options;
    if (this.#unreadableSince === undefined) {
      this.#unreadableSince = clock.monotonic();
      log.error({ err: error }, "cannot read the tokens file: the previous tokens stay valid for a minute");
    }
    if (this.#rejectsAll || clock.monotonic() - this.#unreadableSince < GRACE_MS) return;
    this.#rejectsAll = true;
    log.error({ err: error }, "cannot read the tokens file: every token is rejected until it is readable");
    const callers = [...this.#callers.values()];
    this.#callers = new Map();
    for (const caller of callers) caller.expire(unverifiableTokenError());
  }

  /** Keeps callers whose rights are unchanged and expires the others. */
  #replaceCallers(tokens: readonly TokenRecord[]): void {
    const before = this.#callers;
    const callers = new Map<string, Caller>();
    for (const token of tokens) {
      const [known, caller] = [before.get(token.sha256), this.#callerOf(token)];
      callers.set(token.sha256, known && haveSameRights(known, caller) ? known : caller);
    }
    this.#callers = callers;
    for (const [hash, caller] of before) if (callers.get(hash) !== caller) caller.expire();
  }

  #callerOf(token: TokenRecord): Caller {
    return new Caller(rightsOf(token), this.#options.clock);
  }
}

const RELOAD_INTERVAL_MS = 500;

/** Less than a client waits for its answer. */
const LOCK_WAIT_MS = 2_000;

/** How long the previous tokens stay valid while the file can't be read. */
const GRACE_MS = 60_000;

function tooManyShares(username: string, sharesPerUserMax: number): Error {
  const what = `User ${JSON.stringify(username)} has too many valid links to shared jobs. Wait until one expires, or ask the operator to revoke one`;
  return limitExceeded("sharesPerUserMax", what, sharesPerUserMax);
}

function rightsOf({ id, username, role, databases, job, sharedBy, expiresAt }: TokenRecord): CallerRights {
  const expiresAtMs = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { id, username, role, databases, job, sharedBy, expiresAt: expiresAtMs };
}

function haveSameRights(a: Caller, b: Caller): boolean {
  return JSON.stringify(a.rights) === JSON.stringify(b.rights);
}
