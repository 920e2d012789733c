import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { OriginPolicy } from "../../../src/server/http/origin-policy.js";

describe("An origin policy", () => {
  it.each([
    ["http://localhost:4000", "localhost:4000"],
    ["https://localhost", "localhost:443"],
    ["https://localhost:443", "localhost"],
    ["http://localhost", "localhost:80"],
    ["http://localhost:80", "LOCALHOST"],
    ["HTTP://LocalHost:4000", "localhost:4000"],
    ["http://localhost.:4000", "localhost.:4000"],
    ["https://tidemark.example", "tidemark.example."],
    ["http://[::1]:4000", "[0:0:0:0:0:0:0:1]:4000"],
    ["http://[0::0:1]", "[::1]:80"],
    ["http://127.0.0.1:4000", "127.1:4000"],
    ["http://[::ffff:7f00:1]:4000", "[::FFFF:127.0.0.1]:4000"],
    ["https://xn--bcher-kva.example", "b\u00fccher.example"],
    ["https://tidemark.example:8443", "tidemark.example:8443"],
  ])("accepts the server's own page %s for the host %s", (origin, host) => {
    expect(isAllowed(origin, host)).toBe(true);
  });

  it.each([
    ["http://localhost", "localhost:443"],
    ["https://localhost", "localhost:80"],
    ["http://localhost:4001", "localhost:4000"],
    ["https://localhost:4000", "localhost"],
    ["tauri://localhost", "localhost"],
    ["app://localhost:4000", "localhost:4000"],
    ["null", "null"],
    ["http://localhost", "user@localhost"],
    ["http://a.localhost", "localhost"],
    ["http://localhost, http://localhost", "localhost"],
    ["localhost", "localhost"],
    ["http://localhost/", "localhost"],
    ["", ""],
  ])("rejects the page %s of another origin for the host %s", (origin, host) => {
    expect(isAllowed(origin, host)).toBe(false);
  });

  it.each([
    ["https://*.example", "https://a.example"],
    ["https://*.example", "https://a.b.example"],
    ["https://*.example", "HTTPS://A.EXAMPLE:443"],
    ["https://*.example", "https://a.example."],
    ["http://*.example:8080", "http://a.example:8080"],
    ["https://xn--bcher-kva.example", "https://b\u00fccher.example"],
    ["tauri://localhost", "tauri://localhost"],
    ["capacitor://localhost", "Capacitor://LOCALHOST"],
    ["ionic://localhost", "ionic://localhost"],
    ["app://-", "app://-"],
    ["chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
    ["null", "null"],
  ])("accepts by %s the page %s", (allowed, origin) => {
    expect(isAllowed(origin, "tidemark.test", allowed)).toBe(true);
  });

  it.each([
    ["https://*.example", "https://example"],
    ["https://*.example", "https://.example"],
    ["https://*.example", "http://a.example"],
    ["https://*.example", "https://a.example:8443"],
    ["https://*.example", "https://aexample"],
    ["https://*.example", "https://a.example.evil"],
    ["https://*.example", "https://evil/.example"],
    ["https://*.example", "https://evil#.example"],
    ["https://*.example", "https://evil:1@a.example"],
    ["https://*.example", "https://evil\\.example"],
    ["https://*.example:8443", "https://a.example"],
    ["https://*.example", "app://a.example"],
    ["tauri://localhost", "http://localhost"],
    ["tauri://localhost", "tauri://localhost:1"],
    ["https://friend.example", "null"],
  ])("rejects despite %s the page %s", (allowed, origin) => {
    expect(isAllowed(origin, "tidemark.test", allowed)).toBe(false);
  });

  it("decides for each request, whatever it accepted before", () => {
    const policy = new OriginPolicy(["https://friend.example"], []);
    const decide = (origin: string, host: string) => policy.allows(requestOf(origin, host));

    const decisions = [
      decide("http://localhost:4000", "localhost:4000"),
      decide("http://localhost:4000", "localhost:4001"),
      decide("http://localhost:4001", "localhost:4000"),
      decide("https://friend.example", "localhost:4000"),
      decide("https://friend.example", "localhost:4001"),
      decide("https://stranger.example", "localhost:4000"),
    ];

    expect(decisions).toEqual([true, false, false, true, true, false]);
  });
});

function isAllowed(origin: string, host: string, ...allowed: readonly string[]): boolean {
  return new OriginPolicy(allowed, []).allows(requestOf(origin, host));
}

function requestOf(origin: string, host: string): IncomingMessage {
  return { headers: { origin, host } } as unknown as IncomingMessage; // safe: the policy reads only headers
}
