import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * Who is who by address, for the bounds that hold for each. Who has an IPv6 address has the 2⁶⁴ of its network
 * as well, so the network counts.
 */
export function clientAddressOf(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 6 ? networkOf(address) : address;
}

/**
 * The address of the client behind a proxy: the last one of `X-Forwarded-For`, which is the proxy's own word; what
 * is before it anybody may have written.
 */
export function forwardedClientAddressOf({ headers, socket }: IncomingMessage): string {
  const last = String(headers["x-forwarded-for"] ?? "")
    .split(",")
    .at(-1)!
    .trim();
  return clientAddressOf(isIP(last) === 0 ? socket.remoteAddress : last);
}

/** The first four groups, as they are written in full. */
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

/** An IPv4 address at the end takes the place of two. */
function groupsOf(text: string): string[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => (group.includes(".") ? ["0", "0"] : group.toLowerCase()));
}
