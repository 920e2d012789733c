import { serverAudits } from "graphql-http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../kit/server/server.js";

/** Headers that select one of the two HTTP implementations; an empty Last-Event-ID is ignored. */
const IMPLEMENTATIONS = [
  ["the fast path for plain JSON", {}],
  ["Yoga", { "last-event-id": "" }],
] as const;

/** Optional audits that Tidemark deliberately does not follow. */
const DELIBERATE_DIFFERENCES: Readonly<Record<string, string>> = {
  "6C00":
    "An operationName that is an object counts as an unknown operation: an error with status 200, like all errors in application/json.",
  "6C01": "As 6C00, with a number.",
  "6C02": "As 6C00, with a boolean.",
  "6C03": "As 6C00, with a list.",
};

describe.each(IMPLEMENTATIONS)("GraphQL over HTTP by %s", (_, headers) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.close());

  const audits = serverAudits({
    url: () => `${server.url}/graphql`,
    fetchFn: (url: string, init?: RequestInit) =>
      fetch(url, { ...init, headers: { ...(init?.headers as Record<string, string>), ...headers } }),
  });

  const followed = audits.filter(({ id }) => !(id in DELIBERATE_DIFFERENCES));
  it.each(followed)("$id $name", async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: "ok" });
  });

  const exceptions = audits.filter(({ id }) => id in DELIBERATE_DIFFERENCES);
  it.each(exceptions)("$id $name: deliberately differs", async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: "notice" });
  });

  it("has no exception without an audit", () => {
    expect(exceptions.map(({ id }) => id)).toEqual(Object.keys(DELIBERATE_DIFFERENCES));
  });
});
