import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { clientAddressOf, forwardedClientAddressOf } from "../../../src/server/http/client-address.js";

describe("The client address for limits", () => {
  it.each([
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:DB8:0001:2::5", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["1::203.0.113.9", "1:0:0:0"],
    [undefined, ""],
  ])("for %s is %s", (address, counted) => {
    expect(clientAddressOf(address)).toBe(counted);
  });
});

describe("The client address behind a proxy", () => {
  it.each([
    ["1.1.1.1", "1.1.1.1"],
    ["9.9.9.9, 1.1.1.1", "1.1.1.1"],
    ["1.1.1.1:5000", "1.1.1.1"],
    ["9.9.9.9:1,1.1.1.1:5000", "1.1.1.1"],
    [`"1.1.1.1:5000"`, "1.1.1.1"],
    ["::ffff:1.1.1.1", "1.1.1.1"],
    ["[::ffff:1.1.1.1]:5000", "1.1.1.1"],
    ["2001:db8:1:2::5", "2001:db8:1:2"],
    ["[2001:db8:1:2::5]", "2001:db8:1:2"],
    ["[2001:db8:1:2::5]:5000", "2001:db8:1:2"],
    [`"[2001:db8:1:2::5]:5000"`, "2001:db8:1:2"],
    ["[::1]:5000", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["[fe80::1%eth0]:5000", "fe80:0:0:0"],
  ])("for %s is %s", (forwarded, counted) => {
    expect(forwardedClientAddressOf(requestWith(forwarded))).toBe(counted);
  });

  it.each([
    ["nothing", undefined],
    ["a name", "unknown"],
    ["an obfuscated identifier", "_hidden:5000"],
    ["a host and a port", "proxy.example:80"],
    ["only a port", ":5000"],
    ["an incomplete address", "1.1.1:5000"],
    ["an unclosed bracket", "[::1"],
    ["an invalid address in brackets", "[x]:5000"],
    ["an empty entry at the end", "1.1.1.1,"],
  ])("is the proxy's own if it sends %s", (_, forwarded) => {
    expect(forwardedClientAddressOf(requestWith(forwarded))).toBe("10.0.0.1");
  });

  function requestWith(forwarded: string | undefined): IncomingMessage {
    const headers = { "x-forwarded-for": forwarded };
    return { headers, socket: { remoteAddress: "10.0.0.1" } } as unknown as IncomingMessage;
  }
});
