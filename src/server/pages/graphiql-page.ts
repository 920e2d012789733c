/**
 * GraphiQL at `/graphql` for browsers: tabs to try the API, without internet access.
 *
 * GraphQL Yoga's own page loads its code from a CDN. `@graphql-yoga/render-graphiql` puts all of it into one page of
 * 9 MB instead. So the first request renders the page, in a worker thread that frees the renderer's memory when it
 * ends, and the server keeps it as gzip. Its tabs are documents in `schema/operations`, which the client uses too.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createGunzip, gzip } from "node:zlib";
import type { GraphiQLOptions } from "graphql-yoga";
import { DEFAULT_DATABASE } from "../../protocol/default-database.js";
import { digestOf, matchesEtag, preferredCoding } from "../http/content-negotiation.js";
import { GRAPHIQL_SESSION_SCRIPT } from "./graphiql-session.js";

/**
 * True for a browser's navigation, false for a GraphQL request. As in GraphQL Yoga, a URL with a `query` is also a link
 * to the page: GraphiQL opens with that query.
 */
export function wantsGraphiql(request: IncomingMessage): boolean {
  return request.method === "GET" && (request.headers.accept ?? "").includes("text/html");
}

/**
 * Serves the page, which the first request renders. Supports concurrent calls of `handle`.
 *
 * @example
 * const graphiql = new GraphiqlPage({ needsToken: false, hasDashboard: true });
 * if (wantsGraphiql(request)) return graphiql.handle(request, response);
 */
export class GraphiqlPage {
  readonly #options: GraphiqlPageOptions;
  #rendered: Promise<RenderedPage> | undefined;

  constructor(options: GraphiqlPageOptions) {
    this.#options = options;
  }

  /**
   * Sends the page, or 304 if the browser has it. Rejects before it sends anything if rendering fails; the next request
   * tries again.
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = await this.#render();
    const isGzip = preferredCoding(request, ["gzip"]) !== undefined;
    const etag = `"${page.digest}${isGzip ? "-gzip" : ""}"`;
    setHeaders(response, page, etag);
    if (matchesEtag(request, etag)) return void response.writeHead(304).end();
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (isGzip) return sendCompressed(response, page.gzip);
    await sendPlain(response, page.gzip);
  }

  #render(): Promise<RenderedPage> {
    this.#rendered ??= renderPage(this.#options).catch((error: unknown) => {
      this.#rendered = undefined;
      throw error;
    });
    return this.#rendered;
  }
}

export interface GraphiqlPageOptions {
  /** Whether requests need a token. Subscriptions then use server-sent events, because only these carry headers. */
  readonly needsToken: boolean;
  /** Whether the server has a dashboard to lead back to. */
  readonly hasDashboard: boolean;
}

interface RenderedPage {
  readonly gzip: Buffer;
  readonly digest: string;
  readonly contentSecurityPolicy: string;
}

interface Tab {
  readonly query: string;
  readonly variables: string;
}

/** The job of the tabs, of whoever presses play, under an id that no page of the documentation uses: an import with a known volume, an unknown volume and an iterative task. */
const JOB = { database: DEFAULT_DATABASE, jobId: "graphiql-1" };
const CHECK = { mode: "DYNAMIC", max: 3, tasks: [{ description: "compare", volume: 20 }] };
const TASK = {
  description: "Import",
  subTasks: [
    { description: "read", volume: 100 },
    { description: "write" },
    { description: "check", iterations: CHECK },
  ],
};
const UPDATES = [
  { path: "0", done: 40, message: "40 of 100 files" },
  { path: "1", add: 1000 },
];

/**
 * In the order of the tabs, which GraphiQL names after their operations. The first one changes nothing. Each sets every variable that is not nullable:
 * GraphiQL marks a missing one as an error, even if it has a default.
 */
const EXAMPLES = [
  { file: "list.graphql", variables: { database: JOB.database, first: 10 } },
  { file: "store.graphql", variables: { input: { ...JOB, task: TASK, onConflict: "OVERWRITE" } } },
  { file: "report.graphql", variables: { input: { ...JOB, updates: UPDATES } } },
  { file: "watch.graphql", variables: { database: JOB.database, minIntervalMs: 0 } },
  { file: "cancel.graphql", variables: { input: { ...JOB, reason: "A newer import is waiting." } } },
  { file: "list-progress.graphql", variables: { database: JOB.database, jobId: JOB.jobId } },
] as const;

/** `src/server` and `dist/server` are equally deep, so this works in both. */
const OPERATIONS = new URL("../../../schema/operations/", import.meta.url);

async function renderPage(options: GraphiqlPageOptions): Promise<RenderedPage> {
  const tabs = await Promise.all(EXAMPLES.map(readTab));
  const html = await renderInWorker(optionsFor(tabs, options));
  const seed = GRAPHIQL_SESSION_SCRIPT + seedScript(tabs);
  const page = html
    .replace("</head>", () => `<style>${STYLE}</style><script>${seed}</script></head>`)
    .replace(ROOT, () => (options.hasDashboard ? HEADER : "") + ROOT);
  const compressed = await compress(page, { level: 9 });
  return {
    gzip: compressed,
    digest: digestOf(compressed, "base64url"),
    contentSecurityPolicy: contentSecurityPolicyFor([seed, scriptIn(html)]),
  };
}

async function readTab({ file, variables }: (typeof EXAMPLES)[number]): Promise<Tab> {
  const query = await readFile(new URL(file, OPERATIONS), "utf8");
  return { query, variables: JSON.stringify(variables, null, 2) };
}

/** Sets no `endpoint`, so GraphiQL uses its own URL and also works behind a proxy that adds a prefix. */
function optionsFor(tabs: Tab[], { needsToken }: GraphiqlPageOptions) {
  return {
    title: "Tidemark",
    defaultTabs: tabs,
    subscriptionsProtocol: needsToken ? "SSE" : "WS",
    // Otherwise the browser would store a token in the headers permanently.
    shouldPersistHeaders: false,
    // Otherwise GraphiQL puts the query into the page's URL: it would appear in logs, and a long one would break a reload.
    onEditQuery: null,
  } satisfies GraphiQLOptions & { onEditQuery: null };
}

/** Rendering takes 0.2 s and leaves 50 MB in the module cache, so it runs in a worker. */
const RENDERER = `
  const { parentPort, workerData } = require("node:worker_threads");
  void import(workerData.renderer).then(({ renderGraphiQL }) => {
    parentPort.postMessage(renderGraphiQL(workerData.options));
  });
`;

async function renderInWorker(options: ReturnType<typeof optionsFor>): Promise<string> {
  const renderer = import.meta.resolve("@graphql-yoga/render-graphiql");
  const worker = new Worker(RENDERER, { eval: true, execArgv: [], workerData: { renderer, options } });
  // The worker's only message is the page.
  const [html] = (await once(worker, "message")) as [string];
  return html;
}

/** The element that GraphiQL fills. */
const ROOT = `<div id="root"></div>`;

/** The bar above GraphiQL. The link is relative, so that it also works behind a path prefix. */
const HEADER = `<header class="tidemark"><a href="./">← Dashboard</a></header>`;

/** Puts the bar above GraphiQL. Stops a tab from moving aside on its first click, which would lose the click; dragging still works. */
const STYLE = `
  body { overflow: hidden; }
  .tidemark { box-sizing: border-box; height: 32px; padding: 7px 16px; font: 14px/18px system-ui, sans-serif; }
  .tidemark, .tidemark a { color: #1f2328; background: #f6f8fa; }
  .tidemark + #root .graphiql-container { height: calc(100vh - 32px) !important; }
  .graphiql-tab { transform: none !important; }
  @media (prefers-color-scheme: dark) { .tidemark, .tidemark a { color: #e6edf3; background: #161b22; } }
`;

/**
 * Runs before GraphiQL to work around two behaviours. GraphiQL shows the first tab without its variables (issue 3392 of
 * graphql/graphiql). It also restores tabs from the browser's storage, even those of another server or of an older
 * Tidemark at the same address. So a browser that has never seen these tabs starts with them and then keeps its own.
 */
function seedScript(tabs: readonly Tab[]): string {
  const first = tabs[0] ?? { query: "", variables: "" };
  const seeded = digestOf(JSON.stringify(tabs), "base64url");
  return `
    if (localStorage.getItem("graphiql:tidemark") !== ${literal(seeded)}) {
      localStorage.removeItem("graphiql:tabState");
      localStorage.setItem("graphiql:query", ${literal(first.query)});
      localStorage.setItem("graphiql:variables", ${literal(first.variables)});
      localStorage.setItem("graphiql:tidemark", ${literal(seeded)});
    }
  `;
}

/** A string literal for an inline script: JSON that can't end the script. */
function literal(text: string): string {
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}

/** The renderer writes one script with markup in its strings: it spans from the first tag to the last. */
function scriptIn(html: string): string {
  return html.slice(html.indexOf("<script>") + "<script>".length, html.lastIndexOf("</script>"));
}

/**
 * Allows only this server and the page's own two scripts, and no framing. The editor creates styles at run time, so they
 * can't be listed. Its workers are blobs; its fonts and icons are inline.
 */
function contentSecurityPolicyFor(scripts: readonly string[]): string {
  const hashes = scripts.map((script) => `'sha256-${digestOf(script, "base64")}'`);
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")}`,
    "style-src 'unsafe-inline'",
    "worker-src blob:",
    "font-src data:",
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function setHeaders(response: ServerResponse, page: RenderedPage, etag: string): void {
  response.setHeader("ETag", etag);
  response.setHeader("Cache-Control", "no-cache");
  response.appendHeader("Vary", "Accept, Accept-Encoding");
  response.setHeader("Content-Security-Policy", page.contentSecurityPolicy);
}

function sendCompressed(response: ServerResponse, page: Buffer): void {
  response.setHeader("Content-Encoding", "gzip");
  response.setHeader("Content-Length", page.length);
  response.end(page);
}

async function sendPlain(response: ServerResponse, page: Buffer): Promise<void> {
  try {
    await pipeline(Readable.from([page]), createGunzip(), response);
  } catch (error) {
    // Ignores a browser that disconnected.
    if (!response.destroyed) throw error;
  }
}

const compress = promisify(gzip);
