import type { AuthSpec } from "./auth-spec.js";
import { AnonymousAuthenticator, type Authenticator } from "./authenticator.js";
import type { JwtAuthenticatorOptions } from "./jwt-authenticator.js";
import type { OpenIdProvider } from "./openid-provider.js";

export interface OpenAuthenticatorOptions extends JwtAuthenticatorOptions {
  /** The provider with which people sign in. The authenticator closes it. */
  readonly openId: OpenIdProvider | undefined;
}

/**
 * Opens the authenticator that `--auth` and `--oidc-issuer` select. Only the selected one is loaded.
 * @throws Error if a file or a key can't be used.
 */
export async function openAuthenticator(
  auth: AuthSpec,
  options: OpenAuthenticatorOptions,
): Promise<Authenticator> {
  const openId = options.openId && (await openOpenId(options.openId, options));
  switch (auth.kind) {
    case "none":
      return new AnonymousAuthenticator(options.clock);
    case "oidc":
      return openId!; // the config requires an issuer
    case "tokens": {
      const { TokenAuthenticator } = await import("./token-authenticator.js");
      const tokens = await TokenAuthenticator.open(auth.path, options);
      return openId ? await combine(tokens, openId) : tokens;
    }
    case "jwt": {
      const { JwtAuthenticator } = await import("./jwt-authenticator.js");
      const { openJwtKeys } = await import("./jwt-keys.js");
      return new JwtAuthenticator(await openJwtKeys(auth.keys, options.jwt.algorithms), options);
    }
  }
}

async function openOpenId(
  provider: OpenIdProvider,
  options: JwtAuthenticatorOptions,
): Promise<Authenticator> {
  const { OpenIdAuthenticator } = await import("./openid-authenticator.js");
  return OpenIdAuthenticator.open(provider, options);
}

async function combine(tokens: Authenticator, openId: Authenticator): Promise<Authenticator> {
  const { CombinedAuthenticator } = await import("./combined-authenticator.js");
  return new CombinedAuthenticator(tokens, openId);
}
