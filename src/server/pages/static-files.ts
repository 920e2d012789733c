/**
 * The built files of the dashboard: read once, kept in memory, sent unchanged.
 *
 * So no request waits for compression, and no path can reach another file: an address is a key of a map. The names of
 * files in `assets/` contain a digest, so browsers cache them permanently. Browsers revalidate the page that refers to
 * them each time, mostly with a 304.
 */
import { readdir, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { errorCodeOf } from "../../util/assert.js";
import { digestOf, matchesEtag, preferredCoding, type Coding } from "../http/content-negotiation.js";

export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;
  readonly #connectableOrigins: () => readonly string[];

  private constructor(files: ReadonlyMap<string, StaticFile>, connectableOrigins: () => readonly string[]) {
    this.#files = files;
    this.#connectableOrigins = connectableOrigins;
  }

  /**
   * Reads all files in a folder. A missing folder counts as empty.
   * @param connectableOrigins the origins, besides the server's own, to which scripts may send requests
   */
  static async read(
    folder: URL,
    connectableOrigins: () => readonly string[] = () => [],
  ): Promise<StaticFiles> {
    const paths = await pathsIn(folder);
    const contents = new Map(
      await Promise.all(paths.map(async (path) => [path, await readFile(new URL(path, folder))] as const)),
    );
    const files = paths.filter((path) => !SUFFIX_OF_CODING.test(path));
    const byAddress = new Map(files.map((path) => [addressOf(path), fileOf(path, contents)]));
    return new StaticFiles(byAddress, connectableOrigins);
  }

  /** Whether a file exists at `address`: `/`, `/assets/…`. */
  has(address: string): boolean {
    return this.#files.has(address);
  }

  /** Answers GET and HEAD for an existing address. */
  answer(address: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.#files.get(address)!;
    if (!["GET", "HEAD"].includes(request.method ?? "")) {
      return void response.writeHead(405, { Allow: "GET, HEAD" }).end();
    }
    const coding = preferredCoding(
      request,
      CODINGS.filter((name) => file[name]),
    );
    const etag = `"${file.digest}${coding ? `-${coding}` : ""}"`;
    const headers = { ...file.headers, ...policiesFor(this.#connectableOrigins()), ETag: etag };
    if (matchesEtag(request, etag)) return void response.writeHead(304, headers).end();
    const content = (coding && file[coding]) ?? file.identity;
    if (coding) response.setHeader("Content-Encoding", coding);
    response.writeHead(200, { ...headers, "Content-Length": content.length }).end(content);
  }
}

/** The build output of the dashboard; `src/server` and `dist/server` are equally deep. */
export const DASHBOARD_FOLDER = new URL("../../../dist/web/", import.meta.url);

/** In order of preference. */
const CODINGS = ["br", "gzip"] as const;

interface StaticFile extends Readonly<Partial<Record<Coding, Buffer>>> {
  readonly identity: Buffer;
  readonly digest: string;
  readonly headers: Readonly<Record<string, string>>;
}

const SUFFIX_OF_CODING = /\.(br|gz)$/;

/** Paths relative to the folder, with slashes on every system. */
async function pathsIn(folder: URL): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.map((name) => name.replaceAll("\\", "/")).filter((name) => typeOf(name) !== undefined);
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** The Content-Type; undefined for paths that are not served, such as folders. */
function typeOf(path: string): string | undefined {
  return TYPES[extname(path.replace(SUFFIX_OF_CODING, ""))];
}

function addressOf(path: string): string {
  return path === PAGE ? "/" : `/${path}`;
}

function fileOf(path: string, contents: ReadonlyMap<string, Buffer>): StaticFile {
  const identity = contents.get(path)!;
  const br = contents.get(`${path}.br`);
  const gzip = contents.get(`${path}.gz`);
  return {
    identity,
    ...(br && { br }),
    ...(gzip && { gzip }),
    digest: digestOf(identity, "base64url"),
    headers: headersOf(path),
  };
}

function headersOf(path: string): Record<string, string> {
  const isNamedByDigest = path.startsWith("assets/");
  return {
    "Content-Type": typeOf(path)!,
    "Cache-Control": isNamedByDigest ? "public, max-age=31536000, immutable" : "no-cache",
    Vary: path === PAGE ? "Accept, Accept-Encoding" : "Accept-Encoding",
  };
}

const PAGE = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

/**
 * Allows only this server, nothing inline, no framing, and no text as markup: even if the dashboard has a bug, markup in
 * a name stays text.
 */
function policiesFor(connectableOrigins: readonly string[]): Record<string, string> {
  const policies = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    ["connect-src 'self'", ...connectableOrigins].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    "Content-Security-Policy": policies.join("; "),
    "Cross-Origin-Opener-Policy": "same-origin",
  };
}
