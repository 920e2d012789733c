import { serverAudits } from "graphql-http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../kit/server/server.js";

/** Headers that send a request on one of the two roads that answer by HTTP; an empty place to resume from is none. */
const ROADS = [
  ["the short way of plain JSON", {}],
  ["Yoga", { "last-event-id": "" }],
] as const;

/** What the specification allows, and is done otherwise. */
const DONE_OTHERWISE: Readonly<Record<string, string>> = {
  "6C00":
    "An operationName that is an object is one that the document does not have: an error, with status 200 as for any in application/json.",
  "6C01": "As 6C00, with a number.",
  "6C02": "As 6C00, with a boolean.",
  "6C03": "As 6C00, with a list.",
};

describe.each(ROADS)("GraphQL over HTTP by %s", (_, headers) => {
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

  const kept = audits.filter(({ id }) => !(id in DONE_OTHERWISE));
  it.each(kept)("$id $name", async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: "ok" });
  });

  const otherwise = audits.filter(({ id }) => id in DONE_OTHERWISE);
  it.each(otherwise)("$id $name: is done otherwise", async ({ fn }) => {
    expect(await fn()).toMatchObject({ status: "notice" });
  });

  it("with reasons for nothing that there is no audit of", () => {
    expect(otherwise.map(({ id }) => id)).toEqual(Object.keys(DONE_OTHERWISE));
  });
});
