import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { AuthSpec, JwtTerms } from "./auth-spec.js";
import { OpenAuthenticator, type Authenticator } from "./authenticator.js";

export interface AuthenticatorOptions {
  readonly jwt: JwtTerms;
  readonly clock: Clock;
  readonly log: Log;
}

/** The authenticator of `--auth`. What it needs is loaded only where it is asked for. @throws Error where a file or a key is not usable */
export async function openAuthenticator(
  auth: AuthSpec,
  options: AuthenticatorOptions,
): Promise<Authenticator> {
  switch (auth.kind) {
    case "none":
      return new OpenAuthenticator(options.clock);
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
