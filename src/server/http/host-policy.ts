import { isIP } from "node:net";

/**
 * Protects against DNS rebinding: another site can point its own name at this machine. The browser then treats its
 * pages as same-origin with the server, and only `Host` gives it away. A server without authentication on a loopback
 * address therefore requires a known name. IP addresses are always allowed, since no site can claim one.
 */
export class HostPolicy {
  readonly #allowed: ReadonlySet<string> | undefined;
  /** The last known `Host`, which most requests repeat. */
  #latest: string | undefined;

  /** @param allowed names, in addition to IP addresses and localhost; undefined allows all. */
  constructor(allowed: readonly string[] | undefined) {
    this.#allowed = allowed && new Set(allowed);
  }

  /** Classifies the `Host` header of a request. */
  classify(host: string | undefined): "known" | "unknown" | "malformed" {
    if (host === this.#latest || host === undefined) return "known";
    const name = hostnameOf(host);
    if (name === undefined) return "malformed";
    if (!this.#isKnown(name)) return "unknown";
    this.#latest = host;
    return "known";
  }

  #isKnown(name: string): boolean {
    return this.#allowed === undefined || isAddress(name) || isLocalName(name) || this.#allowed.has(name);
  }
}

function hostnameOf(host: string): string | undefined {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}

function isLocalName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}
