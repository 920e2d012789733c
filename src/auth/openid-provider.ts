import type { JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { unavailable } from "../protocol/tidemark-error.js";
import type { Timer } from "../util/clock.js";
import { isSafeUrl } from "./auth-spec.js";
import type { AuthenticatorOptions } from "./authenticator.js";
import { fetchText } from "./fetch-text.js";
import { remoteKeys } from "./jwt-keys.js";

/** The addresses of a provider that a browser needs to sign a user in and out. */
export interface OpenIdEndpoints {
  readonly authorization: string;
  readonly token: string;
  /** Absent if the provider cannot end its own session. */
  readonly endSession?: string | undefined;
}

/**
 * An OpenID provider, as it describes itself at `/.well-known/openid-configuration`.
 *
 * A provider that cannot be reached does not prevent the start: Tidemark may start before it, and workers with other tokens
 * do not depend on it. The server asks again every few seconds; until then it is not ready and rejects the provider's tokens.
 */
export class OpenIdProvider {
  readonly issuer: string;
  readonly #options: AuthenticatorOptions;
  #found: { readonly endpoints: OpenIdEndpoints; readonly findKey: JWTVerifyGetKey } | undefined;
  #problem: string | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  /** Resolves after the first attempt. */
  static async open(issuer: string, options: AuthenticatorOptions): Promise<OpenIdProvider> {
    const provider = new OpenIdProvider(issuer, options);
    await provider.#discover();
    return provider;
  }

  private constructor(issuer: string, options: AuthenticatorOptions) {
    this.issuer = issuer;
    this.#options = options;
  }

  /** undefined until the provider has been reached. */
  get endpoints(): OpenIdEndpoints | undefined {
    return this.#found?.endpoints;
  }

  /** Finds the key that verifies a token. @throws TidemarkError UNAVAILABLE */
  readonly findKey: JWTVerifyGetKey = (header, token) => {
    if (!this.#found)
      throw unavailable("Cannot reach the OpenID provider that verifies tokens. Try again later.");
    return this.#found.findKey(header, token);
  };

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #discover(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      const { jwks_uri: keys, ...found } = await describe(this.issuer);
      const endpoints = {
        authorization: found.authorization_endpoint,
        token: found.token_endpoint,
        endSession: found.end_session_endpoint,
      };
      this.#found = { endpoints, findKey: remoteKeys(keys) };
      if (this.#problem !== undefined) log.info({ issuer: this.issuer }, "reached the OpenID provider");
    } catch (error) {
      this.#report(error);
      if (!this.#isClosed) this.#timer = clock.schedule(RETRY_MS, () => void this.#discover());
    }
  }

  /** Logs each problem once, not at each attempt. */
  #report(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem === this.#problem) return;
    this.#problem = problem;
    const message = `cannot use the OpenID provider of --oidc-issuer; trying again every ${RETRY_MS / 1_000} s`;
    this.#options.log.error({ err: error, issuer: this.issuer }, message);
  }
}

const RETRY_MS = 5_000;

const ADDRESS = z.string().refine(isSafeUrl);

const DESCRIPTION = z.object({
  issuer: z.string(),
  authorization_endpoint: ADDRESS,
  token_endpoint: ADDRESS,
  end_session_endpoint: ADDRESS.optional(),
  jwks_uri: ADDRESS,
});

/** @throws Error if the provider can't be reached, or describes another issuer. */
async function describe(issuer: string): Promise<z.output<typeof DESCRIPTION>> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { success, data, error } = DESCRIPTION.safeParse(JSON.parse(await fetchText(url)));
  if (!success) throw new Error(`${url} has no valid ${error.issues[0]?.path.join(".") || "description"}`);
  if (data.issuer === issuer) return data;
  throw new Error(`the issuer at ${url} is ${data.issuer}: set --oidc-issuer ${data.issuer}`);
}
