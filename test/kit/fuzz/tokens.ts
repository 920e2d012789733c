import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FuzzRandom } from "./random.js";

/** JSON Web Tokens for a server with a shared secret, valid and invalid. */
export class FuzzTokens implements Disposable {
  readonly #secret = randomBytes(32).toString("hex");
  readonly #folder = mkdtempSync(join(tmpdir(), "tidemark-fuzz-"));
  readonly #file = join(this.#folder, "secret");

  constructor() {
    writeFileSync(this.#file, this.#secret);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** The flags of the server. */
  get flags(): Readonly<Record<string, string>> {
    return { auth: `jwt:secret:${this.#file}`, jwtIssuer: "fuzz", jwtAudience: "tidemark" };
  }

  /** A token that is valid for one hour. */
  good(username: string, role: string): string {
    return this.#sign({ ...claims(), sub: username, role });
  }

  /**
   * An invalid token: unsigned, signed with another key, expired, not yet valid, for another audience,
   * truncated, or huge; or a valid one that names no user or grants no role.
   */
  bad(random: FuzzRandom): string {
    const [now, good] = [seconds(), this.good("admin", "admin")];
    return random.pick([
      () => jwt({ alg: random.pick(["none", "None", "nOnE"]) }, claims(), ""),
      () => jwt({ alg: "HS256", kid: random.name() }, claims(), random.pick(["secret", "", "fuzz"])),
      () => jwt({ alg: random.pick(["HS384", "RS256", "ES256", "EdDSA", "../x"]) }, claims(), this.#secret),
      () => this.#sign({ ...claims(), exp: now - 3_600 }),
      () => this.#sign({ ...claims(), exp: undefined }),
      () => this.#sign({ ...claims(), nbf: now + 3_600 }),
      () => this.#sign({ ...claims(), iss: random.name() }),
      () => this.#sign({ ...claims(), aud: random.name() }),
      () => this.#sign({ ...claims(), role: random.name() }),
      () => this.#sign({ ...claims(), sub: random.pick(["", "a\nb", "x".repeat(129), 5, null]) }),
      () => good.slice(0, random.below(good.length)),
      () => `${good}${random.pick([".", "x", "AA"])}`,
      () => `tm_${"x".repeat(random.below(64))}`,
      () => "x".repeat(random.below(8_000)),
    ])();
  }

  #sign(given: object): string {
    return jwt({ alg: "HS256", typ: "JWT" }, given, this.#secret);
  }
}

function claims(): Readonly<Record<string, unknown>> {
  const now = seconds();
  return {
    sub: "mallory",
    role: "admin",
    databases: ["*"],
    iss: "fuzz",
    aud: "tidemark",
    iat: now,
    exp: now + 3_600,
  };
}

function seconds(): number {
  return Math.floor(Date.now() / 1_000);
}

function jwt(header: object, payload: object, key: string): string {
  const signed = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${key && createHmac("sha256", key).update(signed).digest("base64url")}`;
}
