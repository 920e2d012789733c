import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { AnswerCompressor } from "../../../src/server/http/answer-compressor.js";

const KIB = 1_024;

describe("An answer", () => {
  it.each([
    ["of 1 KiB", "a".repeat(KIB)],
    ["of 1 KiB in characters of several bytes", "\u20ac".repeat(341)],
    ["of 17 MiB", "a".repeat(17 * KIB * KIB)],
    ["without a byte", ""],
  ])("stays as it is %s, and does not vary", (_, body) => {
    const { compression, vary } = compress(body, "gzip, br");

    expect([compression, vary]).toEqual([undefined, undefined]);
  });

  it.each([
    ["of more than 1 KiB", "a".repeat(KIB + 1)],
    ["of more than 1 KiB in characters of several bytes", "\u20ac".repeat(342)],
    ["of 64 KiB", "ab".repeat(32 * KIB)],
    ["in bytes", Buffer.from("\u00fc".repeat(KIB))],
  ])("is compressed at once %s, and varies", (_, body) => {
    const { compression, vary } = compress(body, "gzip");

    expect(vary).toBe("Accept-Encoding");
    expect(compression).toMatchObject({ coding: "gzip" });
    expect(gunzipSync((compression as { bytes: Buffer }).bytes)).toEqual(Buffer.from(body));
  });

  it("varies even if this client takes no compression", () => {
    expect(compress("a".repeat(2 * KIB), "identity")).toMatchObject({
      compression: undefined,
      vary: "Accept-Encoding",
    });
  });

  it("is compressed in a thread if it is long", async () => {
    const body = "abc ".repeat(100 * KIB);

    const { compression } = compress(body, "br");

    expect(compression).toBeInstanceOf(Promise);
    expect(brotliDecompressSync((await compression)!.bytes).toString()).toBe(body);
  });

  it("is sent as it is while two threads compress others, and compressed again after that", async () => {
    const compressor = new AnswerCompressor({ isOn: true });
    const body = "abc ".repeat(100 * KIB);

    const running = [0, 1, 2, 3].map(() => compress(body, "gzip", compressor).compression);
    const short = compress("a".repeat(2 * KIB), "gzip", compressor).compression;
    const [first, second, ...more] = await Promise.all(running);
    const later = await compress(body, "gzip", compressor).compression;

    expect([first?.coding, second?.coding, ...more]).toEqual(["gzip", "gzip", undefined, undefined]);
    expect([short, later]).toMatchObject([{ coding: "gzip" }, { coding: "gzip" }]);
  });

  it("stays as it is if compression is off, and does not vary", () => {
    expect(compress("a".repeat(2 * KIB), "gzip", new AnswerCompressor({ isOn: false }))).toEqual({
      compression: undefined,
      vary: undefined,
    });
  });
});

function compress(
  body: string | Buffer,
  accepted: string,
  compressor = new AnswerCompressor({ isOn: true }),
) {
  const request = new IncomingMessage(new Socket());
  request.headers["accept-encoding"] = accepted;
  const response = new ServerResponse(request);
  const compression = compressor.compress(body, request, response);
  return { compression, vary: response.getHeader("vary") };
}
