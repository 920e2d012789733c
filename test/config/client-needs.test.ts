import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as generated from "../../src/client/generated/graphql.js";
import { CLIENT_NEEDS } from "../../src/config/client-needs.js";
import { DocumentCache } from "../../src/graphql/pipeline/document-cache.js";
import { schema } from "../../src/graphql/schema.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";

/** With these, a client requests the smallest pages. */
const SMALLEST_PAGES: Partial<Limits> = {
  pageSizeMax: 1,
  pageSizeDefault: 1,
  nodesPerRequestMax: 1,
  inputsPerRequestMax: 1,
  rowsMax: 1,
  logLinesPerJobMax: 1,
};

describe("the needs of the clients", () => {
  const limits = (Object.keys(CLIENT_NEEDS) as (keyof typeof CLIENT_NEEDS)[]).filter((name) =>
    /^(document|query)/.test(name),
  );

  it.each(limits)("allow every document of the SDK, the command line and the pages: %s", (limit) => {
    const needed = Math.max(...documents().map((text) => leastOf(limit, text)));

    expect(CLIENT_NEEDS[limit]).toBeGreaterThanOrEqual(needed);
    expect(CLIENT_NEEDS[limit], "a server may have less").toBeLessThanOrEqual(2 * Math.max(needed, 1));
  });
});

/** The texts that the clients send, and the examples of GraphiQL. */
function documents(): string[] {
  const sent = Object.entries(generated)
    .filter(([name]) => name.endsWith("Document"))
    .map(([, document]) => String(document));
  const folder = new URL("../../schema/operations/", import.meta.url);
  const files = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
  return [...sent, ...files.filter((text) => isAccepted(text, DEFAULT_LIMITS))];
}

/** The least value of the limit with which the server accepts the document. */
function leastOf(limit: keyof Limits, text: string): number {
  let [rejected, accepted] = [0, DEFAULT_LIMITS[limit]];
  while (accepted - rejected > 1) {
    const middle = Math.floor((rejected + accepted) / 2);
    if (isAccepted(text, { ...DEFAULT_LIMITS, ...SMALLEST_PAGES, [limit]: middle })) accepted = middle;
    else rejected = middle;
  }
  return accepted;
}

function isAccepted(text: string, limits: Limits): boolean {
  const { errors, cost } = new DocumentCache(schema, limits, { introspection: true }).check(text);
  return errors.length === 0 && cost === undefined;
}
