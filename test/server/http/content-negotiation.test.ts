import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { preferredCoding } from "../../../src/server/http/content-negotiation.js";

describe("The preferred coding", () => {
  it.each([
    ["gzip", "gzip"],
    ["br", "br"],
    ["gzip, deflate, br", "br"],
    ["gzip, deflate", "gzip"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["*", "br"],
    ["br;q=0.5, gzip", "gzip"],
    ["br;q=0.5,gzip;q=0.5", "br"],
    ["br;q=0, *", "gzip"],
    ["*;q=0, gzip", "gzip"],
    ["gzip ; q=0.001", "gzip"],
    ["gzip;Q=1.000", "gzip"],
    ["identity;q=0.5, gzip", "gzip"],
    ["identity, gzip", "gzip"],
    ["identity;q=0, br", "br"],
  ])("is for Accept-Encoding %s: %s", (accepted, coding) => {
    expect(preferred(accepted)).toBe(coding);
  });

  it.each([
    undefined,
    "",
    "identity",
    "deflate",
    "gzip;q=0",
    "gzip;q=0.000, br;q=0",
    "gzip;q=0, br;q=0, *",
    "*;q=0",
    "identity, gzip;q=0.5",
    "gzip;q=2",
    "gzip;q=-1",
    "gzip;q=",
    "gzip;q=0.0001",
    "gzipped",
    ",;,",
  ])("leaves the answer plain for Accept-Encoding %s", (accepted) => {
    expect(preferred(accepted)).toBeUndefined();
  });

  it("is one of the available codings", () => {
    const request = requestWith("br, gzip");

    expect([preferredCoding(request, ["gzip"]), preferredCoding(request, [])]).toEqual(["gzip", undefined]);
  });
});

function preferred(accepted: string | undefined): string | undefined {
  return preferredCoding(requestWith(accepted), ["br", "gzip"]);
}

function requestWith(accepted: string | undefined): IncomingMessage {
  return { headers: { "accept-encoding": accepted } } as unknown as IncomingMessage; // safe: it reads only headers
}
