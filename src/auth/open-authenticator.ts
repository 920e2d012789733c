import type { AuthSpec } from "./auth-spec.js";
import { AnonymousAuthenticator, type Authenticator } from "./authenticator.js";
import type { JwtAuthenticatorOptions } from "./jwt-authenticator.js";

/**
 * The authenticator of `--auth`. What it needs is loaded only where it is asked for.
 * @throws Error where a file or a key is not usable
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
