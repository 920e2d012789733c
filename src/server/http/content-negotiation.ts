import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A content coding that the server can send. */
export type Coding = "br" | "gzip";

/**
 * The coding that the client prefers; undefined if it prefers, or did not ask for anything but, the plain content.
 * @param codings the available ones; the first wins if the client has no preference.
 */
export function preferredCoding(
  { headers }: IncomingMessage,
  codings: readonly Coding[],
): Coding | undefined {
  const accepted = headers["accept-encoding"];
  if (accepted === undefined || accepted === "") return undefined;
  const weights = weightsIn(String(accepted));
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  const best = Math.max(...codings.map(weightOf));
  if (best === 0 || best < (weights.get("identity") ?? 0)) return undefined;
  return codings.find((coding) => weightOf(coding) === best);
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

/** The weights of an Accept-Encoding header, from 0 to 1. An invalid weight counts as 0. */
function weightsIn(accepted: string): ReadonlyMap<string, number> {
  return new Map(
    accepted
      .toLowerCase()
      .split(",")
      .map((entry) => {
        const [name = "", ...parameters] = entry.split(";").map((part) => part.trim());
        const weight = parameters.find((parameter) => parameter.startsWith("q="));
        return [ALIASES[name] ?? name, weight === undefined ? 1 : parseWeight(weight.slice("q=".length))];
      }),
  );
}

function parseWeight(text: string): number {
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

/** RFC 9110: the old name of gzip. */
const ALIASES: Readonly<Record<string, string>> = { "x-gzip": "gzip" };
