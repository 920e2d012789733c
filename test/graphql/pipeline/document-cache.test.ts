import { describe, expect, it } from "vitest";
import { DocumentCache } from "../../../src/graphql/pipeline/document-cache.js";
import { schema } from "../../../src/graphql/schema.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";

const SMALL = "{ __typename }";

describe("A document", () => {
  it("is parsed and checked once", () => {
    const documents = openDocuments();
    const { document } = documents.check(SMALL);
    expect(documents.check(SMALL).document).toBe(document);
    expect(documents.check(`${SMALL} `).document).not.toBe(document);
  });

  it("is compiled once, on its second use", () => {
    const documents = openDocuments();
    expect(documents.check(SMALL).plans).toBeUndefined();
    const { plans } = documents.check(SMALL);
    expect(plans?.byOperation.size).toBe(1);
    expect(documents.check(SMALL).plans).toBe(plans);
  });

  it("is compiled at once when it is a subscription", () => {
    const documents = openDocuments();
    const { plans } = documents.check(`subscription { taskCount(database: "d") }`);
    expect(plans?.byOperation.size).toBe(1);
  });

  it("is not compiled when it is invalid", () => {
    const documents = openDocuments();
    documents.check("{ nothing }");
    const { errors, plans } = documents.check("{ nothing }");
    expect(errors).toHaveLength(1);
    expect(plans?.byOperation.size).toBe(0);
  });

  it("is compiled up to a bounded number of fields, however many its fragments expand to", () => {
    const documents = openDocuments();
    const fields =
      "path depth description kind status progress { done volume knownVolume ratio percent bar }";
    const tree = "subTasks { ...T subTasks { ...T subTasks { ...T subTasks { ...T } } } }";
    const operations = Array.from(
      { length: 20 },
      (_, index) =>
        `query q${index} { task(database: "a", username: "b", jobId: "c") { task { ...T ${tree} } } }`,
    );
    const text = `${operations.join(" ")} fragment T on Task { ${fields} }`;

    documents.check(text);
    const { errors, plans } = documents.check(text);

    expect(errors).toEqual([]);
    expect(plans?.byOperation.size).toBeGreaterThan(10);
    expect(plans?.byOperation.size).toBeLessThan(operations.length);
    expect(plans?.fieldCount).toBeLessThan(1_000 + operations.length);
  });
});

describe("The cache of documents (law 16)", () => {
  it("is bounded in number", () => {
    const documents = openDocuments();
    checkTwice(documents, 2_000, (index) => `{ a${index}: __typename }`);
    expect(documents.size.count).toBe(1_000);
  });

  it("is bounded in bytes", () => {
    const documents = openDocuments();
    checkTwice(documents, 600, (index) => `{ a${index}: __typename } # ${"x".repeat(19_000)}`);
    expect(documents.size.bytes).toBeLessThanOrEqual(10_000_000);
    expect(documents.size.bytes).toBeGreaterThan(9_900_000);
    expect(documents.size.count).toBeLessThan(300);
  });

  it("counts bytes for plans and errors as well as the text", () => {
    const documents = openDocuments();
    documents.check(SMALL);
    const once = documents.size.bytes;
    documents.check(SMALL);
    const planned = documents.size.bytes;
    documents.check("{ nothing }");

    expect(once).toBeGreaterThan(400 * 3); // tokens
    expect(planned - once).toBe(700); // a field
    expect(documents.size.bytes - planned).toBeGreaterThan(2_000); // an error
  });

  it("is bounded for documents that can't be parsed", () => {
    const documents = openDocuments();
    checkTwice(documents, 2_000, (index) => `{ nothing${index}`);
    expect(documents.size.count).toBe(1_000);
  });

  it("keeps recently used documents", () => {
    const documents = openDocuments();
    const { document } = documents.check(SMALL);
    checkTwice(documents, 999, (index) => `{ a${index}: __typename }`);
    expect(documents.check(SMALL).document).toBe(document);
    checkTwice(documents, 999, (index) => `{ b${index}: __typename }`);
    expect(documents.check(SMALL).document).toBe(document);
  });
});

function openDocuments(): DocumentCache {
  return new DocumentCache(schema, DEFAULT_LIMITS, { introspection: true });
}

/** Checks each document twice, so that it is compiled. */
function checkTwice(documents: DocumentCache, count: number, textOf: (index: number) => string): void {
  for (let index = 0; index < count; index++) {
    documents.check(textOf(index));
    documents.check(textOf(index));
  }
}
