import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { StaticFiles } from "../../../src/server/pages/static-files.js";
import { HttpConnection, type HttpResponse, type HttpRequest } from "../../kit/network/raw-http.js";
import { startServer, type TestServer } from "../../kit/server/server.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const PAGE = { path: "/", headers: { accept: "text/html" } } satisfies HttpRequest;

const GUARDS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  server: undefined,
  "x-powered-by": undefined,
};

describe("The dashboard's page", () => {
  it("is at /, revalidated each time, and sent only once to a browser that caches it", async () => {
    await using server = await startServer();

    const first = await send(server, PAGE);
    const etag = String(first.headers.etag);
    const second = await send(server, { ...PAGE, headers: { ...PAGE.headers, "if-none-match": etag } });

    expect([first.status, first.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(first.headers["cache-control"]).toBe("no-cache");
    expect(first.body).toContain("<title>Tidemark</title>");
    expect([second.status, second.body]).toEqual([304, ""]);
  });

  it("is the same for every view in its URL", async () => {
    await using server = await startServer();

    const [bare, viewed] = await Promise.all([
      send(server, PAGE),
      send(server, { ...PAGE, path: "/?database=demo&job=import-1" }),
    ]);

    expect(viewed.body).toBe(bare.body);
  });

  it("uses only relative URLs, so that it works behind a path prefix", async () => {
    await using server = await startServer();

    const { body } = await send(server, PAGE);

    expect(addressesIn(body)).not.toEqual([]);
    expect(addressesIn(body).filter((address) => !address.startsWith("./"))).toEqual([]);
  });

  it("is replaced by /about for a program that accepts JSON", async () => {
    await using server = await startServer();

    const { headers, body } = await send(server, { path: "/", headers: { accept: "application/json" } });

    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toMatchObject({ tracking: true });
  });

  it("is replaced by a redirect to the API with --dashboard off", async () => {
    await using server = await startServer({ dashboard: "off" });

    const { status, headers } = await send(server, PAGE);

    expect([status, headers.location]).toEqual([302, "graphql"]);
  });
});

describe("The dashboard's assets", () => {
  it("are cached permanently, since their names change with their content", async () => {
    await using server = await startServer();

    const answers = await Promise.all((await assets(server)).map((path) => send(server, { path })));

    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ headers }) => headers["cache-control"]))).toEqual(
      new Set(["public, max-age=31536000, immutable"]),
    );
  });

  it("are found only at their exact URL", async () => {
    await using server = await startServer();
    const [asset = ""] = await assets(server);

    const addresses = [
      "/index.html",
      "/index.html.gz",
      "/assets",
      "/assets/",
      "/assets/../../../package.json",
      "/assets/%2e%2e/%2e%2e/package.json",
      "/..%2fpackage.json",
      "/assets/\\..\\..\\package.json",
      "/__proto__",
      `${asset}.gz`,
      `/${asset}`,
      asset.toUpperCase(),
    ];
    const answers = await Promise.all(addresses.map((path) => send(server, { path })));

    expect(answers.map(({ status }) => status)).toEqual(addresses.map(() => 404));
  });

  it("are not served with --dashboard off", async () => {
    await using server = await startServer();
    await using bare = await startServer({ dashboard: "off" });
    const [path = ""] = await assets(server);

    expect((await send(bare, { path })).status).toBe(404);
  });
});

describe("Each file of the dashboard", () => {
  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ] as const)("is sent as %s to a client that accepts it, with its own ETag", async (coding, decode) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const plain = await connection.request(PAGE);
    const coded = await connection.open({ ...PAGE, headers: { ...PAGE.headers, "accept-encoding": coding } });
    const body = Buffer.concat(await coded.toArray());

    expect(coded.headers["content-encoding"]).toBe(coding);
    expect(coded.headers["content-length"]).toBe(String(body.length));
    expect(decode(body).toString()).toBe(plain.body);
    expect(coded.headers.etag).not.toBe(plain.headers.etag);
    expect(coded.headers.vary).toContain("Accept-Encoding");
  });

  it.each(["", "identity", "gzip;q=0", "deflate, br;q=0.0", "*;q=0"])(
    "is sent uncompressed to a client that accepts %j",
    async (accepted) => {
      await using server = await startServer();

      const { headers } = await send(server, { ...PAGE, headers: { "accept-encoding": accepted } });

      expect(headers["content-encoding"]).toBeUndefined();
    },
  );

  it("answers HEAD like GET, without the body", async () => {
    await using server = await startServer();

    const get = await send(server, PAGE);
    const head = await send(server, { ...PAGE, method: "HEAD" });

    expect([head.status, head.body]).toEqual([200, ""]);
    const own = { date: "", "x-request-id": "" };
    expect({ ...head.headers, ...own }).toEqual({ ...get.headers, ...own });
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS"])("rejects %s", async (method) => {
    await using server = await startServer();

    const { status, headers } = await send(server, { ...PAGE, method });

    expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  it("can load nothing from elsewhere, run nothing inline, and appear in no frame", async () => {
    await using server = await startServer();
    const [asset = ""] = await assets(server);

    const answers = await Promise.all([send(server, PAGE), send(server, { path: asset })]);

    const guards = answers.map(({ headers }) => Object.keys(GUARDS).map((name) => [name, headers[name]]));
    expect(guards).toEqual([Object.entries(GUARDS), Object.entries(GUARDS)]);
  });
});

describe("Static files", () => {
  it("are empty for a missing folder", async () => {
    const files = await StaticFiles.read(folderUrl(join(temporaryFolder(), "not-built")));

    expect(files.has("/")).toBe(false);
  });

  it("are the files of known types, at any depth", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "assets/deep"), { recursive: true });
    for (const name of ["index.html", "assets/deep/a.js", "notes.txt", "secret"])
      writeFileSync(join(folder, name), "");

    const files = await StaticFiles.read(folderUrl(folder));

    const addresses = ["/", "/assets/deep/a.js", "/notes.txt", "/secret", "/assets", "/assets/deep"];
    expect(addresses.filter((address) => files.has(address))).toEqual(["/", "/assets/deep/a.js"]);
  });
});

async function send(server: TestServer, request: HttpRequest): Promise<HttpResponse> {
  using connection = new HttpConnection(server.url);
  return await connection.request(request);
}

/** The URLs in the page. */
async function assets(server: TestServer): Promise<string[]> {
  const { body } = await send(server, PAGE);
  return addressesIn(body).map((address) => address.replace(/^\./, ""));
}

function addressesIn(html: string): string[] {
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
}

function folderUrl(folder: string): URL {
  return pathToFileURL(`${folder}/`);
}
