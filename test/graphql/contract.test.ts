import { readFileSync } from "node:fs";
import { buildSchema, findBreakingChanges, findDangerousChanges } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../src/graphql/schema.js";

const released = buildSchema(readFileSync(new URL("./contract.graphql", import.meta.url), "utf8"));

describe("the released API", () => {
  it("has no breaking changes", () => {
    expect(findBreakingChanges(released, schema)).toEqual([]);
  });

  it("has no dangerous changes", () => {
    expect(findDangerousChanges(released, schema)).toEqual([]);
  });
});
