import type { AuthenticationFailure } from "./authenticator.js";
import { JwtAuthenticator, type JwtAuthenticatorOptions } from "./jwt-authenticator.js";
import { openJwtKeys, type JwtKeys } from "./jwt-keys.js";
import type { OpenIdProvider } from "./openid-provider.js";

/** For `--oidc-issuer`: the tokens of an OpenID provider. It closes the provider. */
export class OpenIdAuthenticator extends JwtAuthenticator {
  readonly #provider: OpenIdProvider;

  /** @throws Error for algorithms that can't be used. */
  static async open(
    provider: OpenIdProvider,
    options: JwtAuthenticatorOptions,
  ): Promise<OpenIdAuthenticator> {
    const keys = await openJwtKeys({ kind: "finder", find: provider.findKey }, options.jwt.algorithms);
    return new OpenIdAuthenticator(keys, provider, options);
  }

  private constructor(keys: JwtKeys, provider: OpenIdProvider, options: JwtAuthenticatorOptions) {
    super(keys, options);
    this.#provider = provider;
  }

  override get failures(): readonly AuthenticationFailure[] {
    if (this.#provider.endpoints) return [];
    const reason = "the OpenID provider cannot be used; the log has the reason";
    return [{ source: "OpenID provider", reason, rejectsAll: true }];
  }

  override close(): void {
    super.close();
    this.#provider.close();
  }
}
