import type { AuthSpec } from "./auth-spec.js";
import { AnonymousAuthenticator, type Authenticator } from "./authenticator.js";
import type { JwtAuthenticatorOptions } from "./jwt-authenticator.js";

/**
 * Opens the authenticator that `--auth` selects. Only the selected one is loaded.
 * @throws Error if a file or a key can't be used.
 */
export async function openAuthenticator(
  auth: AuthSpec,
  options: JwtAuthenticatorOptions,
): Promise<Authenticator> {
  switch (auth.kind) {
    case "none":
      return new AnonymousAuthenticator(options.clock);
    case "tokens": {
      const { TokenAuthenticator } = await import("./token-authenticator.js");
      return TokenAuthenticator.open(auth.path, options);
    }
    case "jwt": {
      const { JwtAuthenticator } = await import("./jwt-authenticator.js");
      return JwtAuthenticator.open(auth.keys, options);
    }
  }
}
