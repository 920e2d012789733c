import { describe, expect, it } from "vitest";
import { negotiateAnswer } from "../../../src/server/http/answer-type.js";

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";
const EVENTS = "text/event-stream";

describe("The type of an answer", () => {
  it.each([
    [undefined, JSON_TYPE],
    ["", JSON_TYPE],
    ["*/*", JSON_TYPE],
    ["application/*", JSON_TYPE],
    [JSON_TYPE, JSON_TYPE],
    [`${JSON_TYPE}; charset=utf-8`, JSON_TYPE],
    [`${JSON_TYPE};charset="UTF-8"`, JSON_TYPE],
    ["Application/JSON", JSON_TYPE],
    [`${JSON_TYPE}, text/plain, */*`, JSON_TYPE],
    [GRAPHQL_TYPE, GRAPHQL_TYPE],
    ["application/GraphQL-Response+JSON", GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE}, ${JSON_TYPE}`, GRAPHQL_TYPE],
    [`${JSON_TYPE}, ${GRAPHQL_TYPE}`, JSON_TYPE],
    [`${GRAPHQL_TYPE},${JSON_TYPE};q=0.9`, GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE};q=0.5, ${JSON_TYPE};q=0.9`, JSON_TYPE],
    [`${JSON_TYPE}; Q=0.1, ${GRAPHQL_TYPE}; q=0.200`, GRAPHQL_TYPE],
    [`${GRAPHQL_TYPE};q=0, */*`, JSON_TYPE],
    [`${JSON_TYPE};q=0, */*`, GRAPHQL_TYPE],
    [`text/html, ${JSON_TYPE};q=0.1`, JSON_TYPE],
    [EVENTS, EVENTS],
    ["Text/Event-Stream", EVENTS],
    [`${EVENTS};q=0.1`, EVENTS],
    ["text/*", EVENTS],
    [`${EVENTS}, ${JSON_TYPE}`, EVENTS],
    [`${JSON_TYPE}, ${EVENTS}`, JSON_TYPE],
    [`${EVENTS};q=0, ${JSON_TYPE}`, JSON_TYPE],
    [`${JSON_TYPE};q=nonsense`, JSON_TYPE],
  ])("for Accept: %s is %s", (accept, type) => {
    expect(negotiateAnswer(accept)?.result).toBe(type);
  });

  it.each([
    "text/html",
    "application/xml",
    "application/json2",
    "json",
    `${JSON_TYPE};q=0`,
    `${JSON_TYPE}; q=0.000`,
    `${JSON_TYPE}; charset=iso-8859-1`,
    "*/*;q=0",
    `${EVENTS};q=0`,
    ";;=,",
  ])("does not exist for Accept: %s", (accept) => {
    expect(negotiateAnswer(accept)).toBeUndefined();
  });
});

describe("A subscription over HTTP", () => {
  it.each([EVENTS, "TEXT/EVENT-STREAM", `${JSON_TYPE}, ${EVENTS}`, `*/*, ${EVENTS};q=0.1`, "text/*"])(
    "is possible with Accept: %s",
    (accept) => {
      expect(negotiateAnswer(accept)?.acceptsEvents).toBe(true);
    },
  );

  it.each(["*/*", JSON_TYPE, `${EVENTS};q=0, */*`, `${JSON_TYPE}, ${EVENTS};q=0`])(
    "is not possible with Accept: %s",
    (accept) => {
      expect(negotiateAnswer(accept)?.acceptsEvents).toBe(false);
    },
  );
});
