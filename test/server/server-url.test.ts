import { describe, expect, it } from "vitest";
import { ALICE, DATABASE, storeRequestOf } from "../kit/store/requests.js";
import { graphqlPost, graphqlResultOf, HttpConnection } from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { WsClient } from "../kit/network/ws-client.js";

const FORWARDED = {
  host: "127.0.0.1:4000",
  "x-forwarded-proto": "http, https",
  "x-forwarded-host": "evil.example, tools.example",
  "x-forwarded-prefix": "/tidemark/",
};

describe("The address in a link to a job", () => {
  it("is the one that the request used", async () => {
    await using server = await openServer();

    expect(await addressIn(server, { host: "localhost:4123" })).toBe("http://localhost:4123/");
  });

  it("is the one that the WebSocket used", async () => {
    await using server = await openServer();
    using client = await WsClient.connect(server.url.replace("127.0.0.1", "localhost"));

    const { data } = await client.subscribe(SHARE).next();

    expect(addressOf(data)).toBe(`${server.url.replace("127.0.0.1", "localhost")}/`);
  });

  it("ignores forwarded addresses without --trust-proxy", async () => {
    await using server = await openServer();

    expect(await addressIn(server, FORWARDED)).toBe("http://127.0.0.1:4000/");
  });

  it("follows the nearest proxy with --trust-proxy, with its path prefix", async () => {
    await using server = await openServer({ trustProxy: "on" });

    expect(await addressIn(server, FORWARDED)).toBe("https://tools.example/tidemark/");
    expect(await addressIn(server, { host: "localhost" })).toBe("http://localhost/");
  });

  it.each([
    ["x-forwarded-proto", "javascript", "http://tools.example/tidemark/"],
    ["x-forwarded-host", "tools.example/path?", "https://127.0.0.1:4000/tidemark/"],
    ["x-forwarded-prefix", "//evil.example", "https://tools.example/"],
    ["x-forwarded-prefix", "/a?b", "https://tools.example/"],
  ])("ignores the malformed %s: %s", async (header, value, address) => {
    await using server = await openServer({ trustProxy: "on" });

    expect(await addressIn(server, { ...FORWARDED, [header]: value })).toBe(address);
  });

  it("is --public-url where it is set, which clients can read", async () => {
    const publicUrl = "https://public.example/progress/";
    await using server = await openServer({ publicUrl, trustProxy: "on" });
    using connection = new HttpConnection(server.url);
    const about = await connection.request({ path: "/about" });
    const info = graphqlResultOf(
      await connection.request(graphqlPost({ query: "{ server { publicUrl } }" })),
    );

    expect(await addressIn(server, FORWARDED)).toBe(publicUrl);
    expect(JSON.parse(about.body)).toMatchObject({ publicUrl: "https://public.example/progress" });
    expect(info.data).toEqual({ server: { publicUrl: "https://public.example/progress" } });
  });

  it.each(["tools.example", "ftp://tools.example", "https://a:b@tools.example", "https://tools.example/?a"])(
    "can't be %s",
    async (publicUrl) => {
      await expect(startServer({ publicUrl })).rejects.toThrow(
        /^Invalid --public-url ".*": expected an http or https address without a query or a password/,
      );
    },
  );
});

const SHARE = {
  query: `mutation { shareJob(input: { database: "neo4j", username: "alice", jobId: "job" }) { url } }`,
};

async function openServer(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = await startServer(flags);
  await (await server.provider.getTaskStore(DATABASE)).store(storeRequestOf(ALICE));
  return server;
}

async function addressIn({ url }: TestServer, headers: Record<string, string>): Promise<string> {
  using connection = new HttpConnection(url);
  const post = graphqlPost(SHARE, headers);
  return addressOf(graphqlResultOf(await connection.request(post)).data);
}

/** Without the query, which names the job. */
function addressOf(data: unknown): string {
  const { shareJob } = data as { readonly shareJob: { readonly url: string } };
  return shareJob.url.replace("?database=neo4j&owner=alice&job=job", "");
}
