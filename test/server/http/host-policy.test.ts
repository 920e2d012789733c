import { describe, expect, it } from "vitest";
import { HostPolicy } from "../../../src/server/http/host-policy.js";

describe("A host policy", () => {
  it.each([
    "localhost",
    "LOCALHOST:4000",
    "localhost.",
    "localhost.:4000",
    "a.LocalHost",
    "127.0.0.1:443",
    "[::1]",
    "[0:0:0:0:0:0:0:1]:80",
    "127.1",
    "tidemark.example",
    "Tidemark.Example.:4000",
    "xn--bcher-kva.example",
    "B\u00dcCHER.example:1",
    "a.team.example",
    "a.b.team.example:8080",
    "port.example:8443",
    "a.port.example:8443",
    "tls.example",
    "tls.example:443",
    undefined,
  ])("accepts %s", (host) => {
    expect(policy().classify(host)).toBe("known");
  });

  it.each([
    "evil.example",
    "team.example",
    "ateam.example",
    "team.example.evil.example",
    ".team.example.evil.example",
    "localhost.evil.example",
    "notlocalhost",
    "port.example",
    "port.example:80",
    "a.port.example:8444",
    "tls.example:4000",
    "tidemark.example.evil",
  ])("rejects the unknown name %s", (host) => {
    expect(policy().classify(host)).toBe("unknown");
  });

  it.each([
    "",
    "a@localhost",
    "localhost/x",
    "localhost?x",
    "localhost#x",
    "localhost\\x",
    "a b",
    "%6cocalhost",
    "localhost:84430",
  ])("rejects what is not a host: %j", (host) => {
    expect(policy().classify(host)).toBe("malformed");
  });

  it("accepts every name without a list, but nothing that is not a host", () => {
    const open = new HostPolicy(undefined);

    expect(["evil.example", "a@b"].map((host) => open.classify(host))).toEqual(["known", "malformed"]);
  });
});

function policy(): HostPolicy {
  return new HostPolicy([
    "tidemark.example",
    "xn--bcher-kva.example",
    "*.team.example",
    "port.example:8443",
    "*.port.example:8443",
    "tls.example:443",
  ]);
}
