import { describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.js";
import { HttpConnection } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";

describe("the field server", () => {
  it("publishes every limit that is on, by the name of its setting", async () => {
    await using server = await startServer({ tasksPerTreeMax: "77", messagesPerSecondMax: "off" });

    const limits = await limitsOf(server);

    expect(limits).toMatchObject({ tasksPerTreeMax: 77, nameBytesMax: 128 });
    expect(limits).not.toHaveProperty("messagesPerSecondMax");
    expect(Object.keys(SETTINGS.limits)).toEqual(expect.arrayContaining(Object.keys(limits)));
  });

  it("answers the same as /about", async () => {
    await using server = await startServer({ levelsPerTreeMax: "5" });
    using connection = new HttpConnection(server.url);

    const { body } = await connection.request({ path: "/about" });

    expect(JSON.parse(body)).toMatchObject({ limits: await limitsOf(server) });
  });
});

async function limitsOf(server: TestServer): Promise<Readonly<Record<string, number>>> {
  using connection = new HttpConnection(server.url);
  const { body } = await connection.request({
    method: "POST",
    path: "/graphql",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ server { limits { name value } } }" }),
  });
  const { data } = JSON.parse(body) as {
    readonly data: { readonly server: { readonly limits: readonly { name: string; value: number }[] } };
  };
  return Object.fromEntries(data.server.limits.map(({ name, value }) => [name, value]));
}
