/** Which settings of authentication contradict or require each other. */
import type { Setting } from "./setting.js";
import { SETTINGS, type Config } from "./settings.js";

export interface BrokenAuthRule {
  readonly blamed: Setting;
  /** What its value should be, and what to do. */
  readonly expected: string;
}

/** The first broken rule; undefined if there is none. */
export function brokenAuthRule({
  auth,
  jwt,
  oidc,
}: Pick<Config, "auth" | "jwt" | "oidc">): BrokenAuthRule | undefined {
  if (auth.kind === "jwt" && !oidc.issuer && !(jwt.issuer && jwt.audience))
    return { blamed: SETTINGS.auth, expected: "expected --jwt-issuer and --jwt-audience with it. Set both." };
  if (auth.kind === "oidc" && !oidc.issuer)
    return {
      blamed: SETTINGS.auth,
      expected: "expected --oidc-issuer and --oidc-client-id with it. Set both.",
    };
  if (!oidc.issuer && oidc.clientId)
    return { blamed: SETTINGS.oidc.clientId, expected: "expected --oidc-issuer with it. Set both." };
  if (!oidc.issuer) return undefined;
  if (!oidc.clientId)
    return { blamed: SETTINGS.oidc.issuer, expected: "expected --oidc-client-id with it. Set both." };
  if (auth.kind !== "oidc" && auth.kind !== "tokens")
    return {
      blamed: SETTINGS.auth,
      expected:
        "expected oidc or tokens:FILE with --oidc-issuer, which provides the keys of its tokens. Remove --auth, or --oidc-issuer.",
    };
  if (jwt.issuer)
    return {
      blamed: SETTINGS.jwt.issuer,
      expected: "expected none with --oidc-issuer, which is the only issuer. Remove --jwt-issuer.",
    };
  return undefined;
}
