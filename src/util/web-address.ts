/**
 * Hosts and origins, read as the URL standard reads them: in lower case and punycode, with IP addresses in one form and
 * without the default port of the scheme. A dot at the end of a name only marks it as absolute, so it is ignored.
 */

/** The host of a URL or of a `Host` header. */
export interface HostAddress {
  /** `localhost`, `[::1]`, `xn--bcher-kva.example`. */
  readonly name: string;
  /** undefined if none is given. */
  readonly port: number | undefined;
}

/** The origin of a page. */
export interface Origin extends HostAddress {
  /** `https`, `tauri`. */
  readonly scheme: string;
}

/** Parses `name` or `name:port`. Returns undefined for anything else. */
export function parseHost(text: string): HostAddress | undefined {
  if (NOT_IN_HOST.test(text) || !URL.canParse(`http://${text}`)) return undefined;
  const port = /:(\d+)$/.exec(text)?.[1];
  return {
    name: new URL(`http://${text}`).hostname.replace(/(?<=.)\.$/, ""),
    port: port === undefined ? undefined : Number(port),
  };
}

/** Parses `scheme://name` or `scheme://name:port`. Returns undefined for anything else, such as `null`. */
export function parseOrigin(text: string): Origin | undefined {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/i.exec(text) ?? [];
  const host = rest === undefined ? undefined : parseHost(rest);
  return scheme === undefined || !host ? undefined : withoutDefaultPort(scheme.toLowerCase(), host);
}

/** Whether a `Host` header, under the scheme of the origin, belongs to the origin. */
export function isHostOf(origin: Origin, host: HostAddress): boolean {
  const { name, port } = withoutDefaultPort(origin.scheme, host);
  return name === origin.name && port === origin.port;
}

/** The text of an origin, equal for equal origins. */
export function formatOrigin({ scheme, ...host }: Origin): string {
  return `${scheme}://${formatHost(host)}`;
}

/** The text of a host, equal for equal hosts. */
export function formatHost({ name, port }: HostAddress): string {
  return port === undefined ? name : `${name}:${port}`;
}

/** The port of each scheme that the pages of browsers have; others have none. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

function withoutDefaultPort(scheme: string, { name, port }: HostAddress): Origin {
  return { scheme, name, port: port === DEFAULT_PORTS[scheme] ? undefined : port };
}

const NOT_IN_HOST = /[\s/?#@\\*%]/;
