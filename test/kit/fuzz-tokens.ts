import { createHmac } from "node:crypto";
import type { FuzzRandom } from "./fuzz-random.js";

/** Tokens that are good for nothing: signed by nobody or somebody else, run out, of the future, of another kind, huge. */
export function fuzzToken(random: FuzzRandom): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    sub: random.name(),
    role: random.pick(["admin", "viewer", "root", "__proto__"]),
    databases: random.pick([["*"], "*", [], null]),
    exp: now + random.pick([-3_600, 3_600, 1e12, -1e12]),
    nbf: now + random.pick([-3_600, 3_600]),
    iss: random.name(),
  };
  const alg = random.pick(["none", "None", "HS256", "RS256", "ES256", "../../dev/null"]);
  const token = jwt({ alg, typ: "JWT", kid: random.name() }, claims, random.pick(["", "secret", "key"]));
  return random.pick([
    () => token,
    () => token.slice(0, random.below(token.length)),
    () => random.mutatedText(token).replaceAll(/[^\u0020-\u007e]/g, "x"),
    () => `tm_${"x".repeat(random.below(64))}`,
    () => "x".repeat(random.below(8_000)),
    () => "",
  ])();
}

function jwt(header: object, claims: object, key: string): string {
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${key && createHmac("sha256", key).update(signed).digest("base64url")}`;
}
