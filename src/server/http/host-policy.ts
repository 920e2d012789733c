import { isIP } from "node:net";
import { DEFAULT_PORTS, formatHost, parseHost, type HostAddress } from "../../util/web-address.js";
import { WildcardList } from "./wildcard-list.js";

/**
 * Protects against DNS rebinding: another site can point its own name at this machine. The browser then treats its
 * pages as same-origin with the server, and only `Host` gives it away. A server without authentication on a loopback
 * address therefore requires a known name. IP addresses are always allowed, since no site can claim one.
 */
export class HostPolicy {
  readonly #allowed: WildcardList | undefined;
  /** The last known `Host`, which most requests repeat. */
  #latest: string | undefined;

  /**
   * @param allowed names in addition to IP addresses and localhost, as the setting writes them: one with a port allows
   * this port only. undefined allows all names.
   */
  constructor(allowed: readonly string[] | undefined) {
    this.#allowed = allowed && new WildcardList(allowed);
  }

  /** Classifies the `Host` header of a request. */
  classify(host: string | undefined): "known" | "unknown" | "malformed" {
    if (host === this.#latest || host === undefined) return "known";
    const address = parseHost(host);
    if (address === undefined) return "malformed";
    if (!this.#isKnown(address)) return "unknown";
    this.#latest = host;
    return "known";
  }

  #isKnown({ name, port }: HostAddress): boolean {
    const allowed = this.#allowed;
    if (!allowed || isAddress(name) || isLocalName(name) || allowed.has(name)) return true;
    const ports = port === undefined ? Object.values(DEFAULT_PORTS) : [port]; // a proxy may terminate TLS
    return ports.some((each) => allowed.has(formatHost({ name, port: each })));
  }
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}

function isLocalName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}
