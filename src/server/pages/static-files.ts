/**
 * The dashboard's files as they were built: read once, held in memory, sent as they are.
 *
 * So nothing is compressed while somebody waits, and no path leads to a file that was not built: an address is a key of
 * a table. What the build has put into `assets/` bears a digest in its name and may be kept for good; the page, which
 * names them, is asked for again each time, and then mostly answered with 304.
 */
import { readdir, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { errorCodeOf } from "../../util/assert.js";
import { acceptsCoding, digestOf, matchesEtag } from "../http/content-negotiation.js";

/** Any number of requests may be answered at once. */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  private constructor(files: ReadonlyMap<string, StaticFile>) {
    this.#files = files;
  }

  /** Reads all that is in a folder; a folder that is not there has none. */
  static async read(folder: URL): Promise<StaticFiles> {
    const paths = await pathsIn(folder);
    const contents = new Map(
      await Promise.all(paths.map(async (path) => [path, await readFile(new URL(path, folder))] as const)),
    );
    const files = paths.filter((path) => !SUFFIX_OF_CODING.test(path));
    return new StaticFiles(new Map(files.map((path) => [addressOf(path), fileOf(path, contents)])));
  }

  /** Whether there is something at `address`: `/`, `/assets/…`. */
  has(address: string): boolean {
    return this.#files.has(address);
  }

  /** Answers GET and HEAD of an address that there is. */
  answer(address: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.#files.get(address)!;
    if (!["GET", "HEAD"].includes(request.method ?? "")) {
      return void response.writeHead(405, { Allow: "GET, HEAD" }).end();
    }
    const coding = CODINGS.find((name) => file[name] && acceptsCoding(request, name));
    const etag = `"${file.digest}${coding ? `-${coding}` : ""}"`;
    const headers = { ...file.headers, ETag: etag };
    if (matchesEtag(request, etag)) return void response.writeHead(304, headers).end();
    const content = (coding && file[coding]) ?? file.identity;
    if (coding) response.setHeader("Content-Encoding", coding);
    response.writeHead(200, { ...headers, "Content-Length": content.length }).end(content);
  }
}

/** The folder that the dashboard is built into; `src/server` and `dist/server` are equally deep. */
export const DASHBOARD_FOLDER = new URL("../../../dist/web/", import.meta.url);

/** Smallest first. */
const CODINGS = ["br", "gzip"] as const;

type Coding = (typeof CODINGS)[number];

interface StaticFile extends Readonly<Partial<Record<Coding, Buffer>>> {
  readonly identity: Buffer;
  readonly digest: string;
  readonly headers: Readonly<Record<string, string>>;
}

const SUFFIX_OF_CODING = /\.(br|gz)$/;

/** Relative to the folder, with slashes on every system. */
async function pathsIn(folder: URL): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.map((name) => name.replaceAll("\\", "/")).filter((name) => typeOf(name) !== undefined);
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** undefined for what is no file to be served: a folder. */
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
    ...POLICIES,
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
 * Nothing from elsewhere and nothing inline, no frame around it, and no text that becomes markup: a name that is
 * markup stays a name also where the dashboard has a fault.
 */
const POLICIES = {
  "Content-Security-Policy": [
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
  "Cross-Origin-Opener-Policy": "same-origin",
};
