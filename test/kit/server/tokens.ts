import { join } from "node:path";
import { issueToken, revokeToken, type TokenGrant } from "../../../src/auth/issue-token.js";
import { readTokens } from "../../../src/auth/token-file.js";
import { systemClock, type Clock } from "../../../src/util/clock.js";
import { temporaryFolder } from "../process/temporary-folder.js";

export interface TokensOptions {
  readonly clock?: Clock;
  /** Default: a folder that is deleted after the test. */
  readonly folder?: string;
}

/** A tokens file. */
export class Tokens {
  readonly path: string;
  readonly #clock: Clock;

  constructor({ clock = systemClock, folder = temporaryFolder() }: TokensOptions = {}) {
    this.#clock = clock;
    this.path = join(folder, "tokens.json");
  }

  /** The value of `--auth`. */
  get auth(): string {
    return `tokens:${this.path}`;
  }

  /** A new token, by default for a reporter of all databases. */
  async grant(username: string, wish: Partial<TokenGrant> = {}): Promise<string> {
    const grant: TokenGrant = { username, role: "reporter", databases: ["*"], ...wish };
    return (await issueToken(this.path, grant, this.#clock)).token;
  }

  /** Revokes the tokens of a user. */
  async revoke(username: string): Promise<void> {
    const tokens = await readTokens(this.path);
    for (const token of tokens) if (token.username === username) await revokeToken(this.path, token.id);
  }
}
