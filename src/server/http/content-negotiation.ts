import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Whether the body of the answer may be in this coding: `gzip`, `br`. */
export function acceptsCoding({ headers }: IncomingMessage, coding: string): boolean {
  const accepted = String(headers["accept-encoding"] ?? "").split(",");
  return accepted.some((entry) => {
    const [name = "", weight = "q=1"] = entry.split(";").map((part) => part.trim().toLowerCase());
    return (name === coding || name === "*") && /^q=(1|0\.0*[1-9])/.test(weight);
  });
}

/** Whether who asks has what `etag` stands for, and need not be sent it again. */
export function matchesEtag({ headers }: IncomingMessage, etag: string): boolean {
  const held = (headers["if-none-match"] ?? "").split(",");
  return held.some((entry) => [etag, "*"].includes(entry.trim().replace(/^W\//, "")));
}

/** What stands for a content in an ETag, or in a policy. */
export function digestOf(content: string | Buffer, encoding: "base64" | "base64url"): string {
  return createHash("sha256").update(content).digest(encoding);
}
