/** Parsers for the settings that say which web pages may use the server, and under which names. */
import { z } from "zod";
import { formatHost, formatOrigin, parseHost, parseOrigin } from "../util/web-address.js";
import { list, NONE } from "./parsers.js";

/** The origin of a page without an address: a local file, or a frame that any site has put into a sandbox. */
export const NULL_ORIGIN = "null";

/** Origins in canonical form: `https://tidemark.example`, `https://*.example:8443`, `tauri://localhost`, `null`. */
export function origins(): z.ZodType<readonly string[]> {
  return list(
    originOf,
    "expected origins such as https://tidemark.example, https://*.example, tauri://localhost or null, separated by commas, or none; the only wildcard is *. at the start of an http or https host",
  );
}

/** Host names in canonical form: `tidemark.example`, `*.example`, `tidemark.example:8443`. */
export function hosts(): z.ZodType<readonly string[]> {
  return list(
    hostOf,
    "expected host names such as tidemark.example, tidemark.example:8443 or *.example, separated by commas, or none; the only wildcard is *. at the start",
  );
}

/** The address of a server, without a slash at the end; empty for none. */
export function publicUrl(): z.ZodType<string> {
  const error =
    "expected an http or https address without a query or a password, such as https://tools.example/tidemark, or none";
  return z
    .string({ error })
    .transform((input) => (input === NONE ? "" : publicUrlOf(input)))
    .pipe(z.custom<string>((url) => url !== undefined, { error }));
}

/** Addresses of servers, as `publicUrl` reads them. */
export function peerUrls(): z.ZodType<readonly string[]> {
  return list(
    peerUrlOf,
    "expected http or https addresses without a query or a password, such as https://b.example/tidemark, separated by commas, or none",
  );
}

/** Names of request headers that a page may safely set. */
export function headerNames(): z.ZodType<readonly string[]> {
  return list(
    headerNameOf,
    "expected names of request headers such as X-Request-ID, separated by commas, or none; not *, headers that browsers or proxies set, or X-HTTP-Method headers",
  );
}

/** @throws TypeError */
function originOf(input: string): string {
  if (input === NULL_ORIGIN) return input;
  return canonical(input, /^(https?:\/\/)\*\./i, (text) => {
    const origin = parseOrigin(text);
    return origin && !SCHEMES_WITHOUT_ORIGIN.has(origin.scheme) ? formatOrigin(origin) : undefined;
  });
}

/** @throws TypeError */
function hostOf(input: string): string {
  return canonical(input, /^()\*\./, (text) => {
    const host = parseHost(text);
    return host && formatHost(host);
  });
}

/** A label stands for the wildcard while the address is read, because `*` itself is not valid in one. @throws TypeError */
function canonical(input: string, wildcard: RegExp, read: (text: string) => string | undefined): string {
  const address = read(input.replace(wildcard, "$1wildcard."));
  if (address === undefined) throw new TypeError("not an address");
  if (!wildcard.test(input)) return address;
  const pattern = address.replace("wildcard", "*");
  if (!/\*(\.[^.:]+)+(:\d+)?$/.test(pattern)) throw new TypeError("nothing below the wildcard");
  return pattern;
}

function publicUrlOf(input: string): string | undefined {
  if (!URL.canParse(input)) return undefined;
  const { protocol, origin, pathname, href } = new URL(input);
  const isPlain = /^https?:$/.test(protocol) && href === origin + pathname;
  return isPlain ? href.replace(/\/+$/, "") : undefined;
}

/** @throws TypeError */
function peerUrlOf(input: string): string {
  const url = publicUrlOf(input);
  // The origin becomes a part of policies. A URL may have a wildcard or a semicolon in its host, which would widen them.
  if (url === undefined || !/^[\w.[\]:-]+$/.test(new URL(url).host)) throw new TypeError("not an address");
  return url;
}

/** @throws TypeError */
function headerNameOf(input: string): string {
  if (!HEADER_NAME.test(input) || RESERVED_HEADER.test(input)) throw new TypeError("not a header for pages");
  return input;
}

/** Pages of these schemes have the origin `null`, and WebSockets have the origin of their page: nothing would match. */
const SCHEMES_WITHOUT_ORIGIN = new Set(["file", "data", "blob", "about", "javascript", "ws", "wss"]);

/** The token of RFC 9110, without `*`, which allows every header. */
const HEADER_NAME = /^[a-z0-9!#$%&'+.^_`|~-]+$/i;

/**
 * The request headers that the Fetch standard forbids to pages, and those by which a proxy tells the server about a
 * client: a page must not be able to write them.
 */
const RESERVED_HEADER =
  /^(accept-charset|accept-encoding|access-control-.*|connection|content-length|cookie2?|date|dnt|expect|forwarded|host|keep-alive|origin|permissions-policy|proxy-.*|referer|sec-.*|set-cookie|te|trailer|transfer-encoding|upgrade|via|x-forwarded.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|x-http-method.*|x-method-override)$/i;
