import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * The key of a client for the limits per address. A client with one IPv6 address has the 2⁶⁴ of its network, so for
 * IPv6 the key is the network.
 */
export function clientAddressOf(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 6 ? networkOf(address) : address;
}

/**
 * The address of the client behind a proxy: the last one in `X-Forwarded-For`. The proxy wrote that one; the client
 * may have forged the others.
 */
export function forwardedClientAddressOf({ headers, socket }: IncomingMessage): string {
  const last = String(headers["x-forwarded-for"] ?? "")
    .split(",")
    .at(-1)!
    .trim();
  const address = withoutPort(last);
  return clientAddressOf(isIP(address) === 0 ? socket.remoteAddress : address);
}

/** Some proxies add the port, with brackets around an IPv6 address, and some add quotes. */
function withoutPort(text: string): string {
  const [, inBrackets, plain] = WITH_PORT.exec(text) ?? [];
  return inBrackets ?? plain ?? text;
}

const WITH_PORT = /^"?(?:\[([^\]]*)\](?::\d*)?|([\d.]+)(?::\d*)?)"?$/;

/** The first four groups, without leading zeros. */
function networkOf(address: string): string {
  const [before = "", after] = address.split("%")[0]!.split("::");
  const head = groupsOf(before);
  const tail = groupsOf(after ?? "");
  const zeros = after === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}

/** An IPv4 address at the end counts as two groups. */
function groupsOf(text: string): string[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => (group.includes(".") ? ["0", "0"] : group.toLowerCase()));
}
