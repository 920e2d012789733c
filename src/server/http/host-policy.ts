import { isIP } from "node:net";

/**
 * The names by which this server may be asked. A page of another site may let its own name lead to this machine
 * (DNS rebinding): to the browser it is of the same origin as the server then, and only the `Host` tells. So where
 * whoever reaches the port may do everything, and only this machine is to reach it, a name must be known. An
 * address is nobody's name.
 */
export class HostPolicy {
  readonly #allowed: ReadonlySet<string> | undefined;
  /** What the latest request named, and most name. */
  #latest: string | undefined;

  /** @param allowed the names, beside addresses and localhost; undefined where all are. */
  constructor(allowed: readonly string[] | undefined) {
    this.#allowed = allowed && new Set(allowed);
  }

  /** What is to be thought of a request's `Host`. */
  allows(host: string | undefined): "known" | "unknown" | "malformed" {
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
