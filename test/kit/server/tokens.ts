import { join } from "node:path";
import { issueToken, revokeToken, type TokenGrant } from "../../../src/auth/issue-token.js";
import { readTokens } from "../../../src/auth/token-file.js";
import { systemClock, type Clock } from "../../../src/util/clock.js";
import { temporaryFolder } from "../process/temporary-folder.js";

/** A tokens file, deleted after the test. */
export class Tokens {
  readonly path = join(temporaryFolder(), "tokens.json");
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
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
