/** How the server authenticates callers, as `--auth` says. */
export type AuthSpec =
  | { readonly kind: "none" }
  | { readonly kind: "tokens"; readonly path: string }
  | { readonly kind: "jwt"; readonly keys: KeySource }
  /** With the keys of the OpenID provider. */
  | { readonly kind: "oidc" };

/** Where the keys come from that verify JSON Web Tokens. A secret never appears on a command line. */
export type KeySource =
  | { readonly kind: "secret-variable"; readonly name: string }
  | { readonly kind: "secret-file"; readonly path: string }
  | { readonly kind: "key-file"; readonly path: string }
  | { readonly kind: "jwks-file"; readonly path: string }
  | { readonly kind: "jwks-url"; readonly url: string };

/** The claims and algorithms that a JSON Web Token must have. Issuer and audience are empty without `--auth jwt`. */
export interface JwtRequirements {
  readonly issuer: string;
  readonly audience: string;
  /** undefined: the default algorithms of the key type. */
  readonly algorithms: readonly string[] | undefined;
}

/**
 * Parses the value of `--auth`. Returns undefined if it is invalid.
 *
 *     parseAuthSpec("tokens:./tokens.json")
 *     parseAuthSpec("jwt:https://login.example.com/.well-known/jwks.json")
 */
export function parseAuthSpec(text: string): AuthSpec | undefined {
  if (text === "none" || text === "oidc") return { kind: text };
  const [kind, rest] = splitAtColon(text);
  if (kind === "tokens" && rest) return { kind, path: rest };
  const keys = kind === "jwt" ? parseKeySource(rest) : undefined;
  return keys && { kind: "jwt", keys };
}

function parseKeySource(text: string): KeySource | undefined {
  const [kind, rest] = splitAtColon(text);
  if (!rest) return undefined;
  switch (kind) {
    case "env":
      return { kind: "secret-variable", name: rest };
    case "secret":
      return { kind: "secret-file", path: rest };
    case "key":
      return { kind: "key-file", path: rest };
    case "jwks":
      return { kind: "jwks-file", path: rest };
    default:
      return isSafeUrl(text) ? { kind: "jwks-url", url: text } : undefined;
  }
}

/** Requires HTTPS beyond this machine: an attacker who can alter keys in transit could forge tokens, and one who reads a sign-in could steal them. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function splitAtColon(text: string): readonly [string, string] {
  const at = text.indexOf(":");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
