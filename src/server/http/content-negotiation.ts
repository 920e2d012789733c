import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Whether the client accepts a content coding: `gzip`, `br`. */
export function acceptsCoding({ headers }: IncomingMessage, coding: string): boolean {
  const accepted = String(headers["accept-encoding"] ?? "").split(",");
  return accepted.some((entry) => {
    const [name = "", weight = "q=1"] = entry.split(";").map((part) => part.trim().toLowerCase());
    return (name === coding || name === "*") && /^q=(1|0\.0*[1-9])/.test(weight);
  });
}

/** Whether the client already has the content with this `etag`. */
export function matchesEtag({ headers }: IncomingMessage, etag: string): boolean {
  const held = (headers["if-none-match"] ?? "").split(",");
  return held.some((entry) => [etag, "*"].includes(entry.trim().replace(/^W\//, "")));
}

/** The SHA-256 of a content, for an ETag or a policy. */
export function digestOf(content: string | Buffer, encoding: "base64" | "base64url"): string {
  return createHash("sha256").update(content).digest(encoding);
}
