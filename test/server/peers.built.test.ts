import { describe, expect, it } from "vitest";
import { startServer } from "../kit/server/server.js";

const PEERS = "https://b.example/tidemark,http://c.example:4001";

describe("--peer-urls", () => {
  it("is announced by /about", async () => {
    await using server = await startServer({ peerUrls: PEERS });

    const about = await fetch(`${server.url}/about`);

    expect(await about.json()).toMatchObject({
      peerUrls: ["https://b.example/tidemark", "http://c.example:4001"],
    });
  });

  it("lets the dashboard connect to the origins of the peers, and to no other", async () => {
    await using server = await startServer({ peerUrls: PEERS });
    await using alone = await startServer();

    expect(await connectSourcesOf(server.url)).toBe(
      "connect-src 'self' https://b.example wss://b.example http://c.example:4001 ws://c.example:4001",
    );
    expect(await connectSourcesOf(alone.url)).toBe("connect-src 'self'");
  });

  it("allows the pages of the peers to use the API, and still rejects those of other sites", async () => {
    await using server = await startServer({ peerUrls: PEERS });

    const [peer, other] = await Promise.all([
      post(server.url, "https://b.example"),
      post(server.url, "https://other.example"),
    ]);

    expect([peer.status, peer.headers.get("access-control-allow-origin")]).toEqual([
      200,
      "https://b.example",
    ]);
    expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });

  it.each([
    "b.example",
    "ws://b.example",
    "https://a:b@b.example",
    "https://b.example/?a",
    "https://*.example",
    "https://b;a",
  ])("can't be %s", async (peerUrls) => {
    await expect(startServer({ peerUrls })).rejects.toThrow(
      /^Invalid --peer-urls ".*": expected http or https addresses without a query or a password/,
    );
  });
});

function post(url: string, origin: string): Promise<Response> {
  const headers = { origin, "content-type": "application/json" };
  return fetch(`${url}/graphql`, { method: "POST", headers, body: `{"query":"{ __typename }"}` });
}

async function connectSourcesOf(url: string): Promise<string | undefined> {
  const { headers } = await fetch(url, { headers: { accept: "text/html" } });
  return headers
    .get("content-security-policy")
    ?.split("; ")
    .find((policy) => policy.startsWith("connect-src"));
}
