/**
 * GraphiQL at `/graphql`, for a browser that goes there: five tabs to try the API with, and no internet
 * needed.
 *
 * GraphQL Yoga's own page loads its code from a CDN; `@graphql-yoga/render-graphiql` has all of it in one
 * page of 9 MB instead. So the page is rendered at the first request only, in a worker thread that takes the
 * renderer's memory with it when it ends, and kept as gzip. Its tabs are the documents in
 * `schema/operations`, those that the client is made of.
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
import { acceptsCoding, digestOf, matchesEtag } from "../http/content-negotiation.js";

/**
 * True for a browser that goes to the page, false for a GraphQL request. As in GraphQL Yoga, an address with
 * a `query` in it is a link to the page too: GraphiQL opens with that query.
 */
export function wantsGraphiql(request: IncomingMessage): boolean {
  return request.method === "GET" && (request.headers.accept ?? "").includes("text/html");
}

/**
 * The page, ready to be sent. Any number of requests may call `handle` at once; the page is rendered for the
 * first.
 *
 * @example
 * const graphiql = new GraphiqlPage("WS");
 * if (wantsGraphiql(request)) return graphiql.handle(request, response);
 */
export class GraphiqlPage {
  readonly #subscriptions: Subscriptions;
  #rendered: Promise<RenderedPage> | undefined;

  /** @param subscriptions how it subscribes: its headers, a token among them, go with server-sent events alone. */
  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  /**
   * Answers with the page, or with 304 to a browser that has it. Rejects when the page can't be rendered,
   * before anything of the answer was sent; the next request tries again.
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = await this.#render();
    const isGzip = acceptsCoding(request, "gzip");
    const etag = `"${page.digest}${isGzip ? "-gzip" : ""}"`;
    setHeaders(response, page, etag);
    if (matchesEtag(request, etag)) return void response.writeHead(304).end();
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (isGzip) return sendCompressed(response, page.gzip);
    await sendPlain(response, page.gzip);
  }

  #render(): Promise<RenderedPage> {
    this.#rendered ??= renderPage(this.#subscriptions).catch((error: unknown) => {
      this.#rendered = undefined;
      throw error;
    });
    return this.#rendered;
  }
}

/** Over WebSocket, or over server-sent events. */
type Subscriptions = "WS" | "SSE";

interface RenderedPage {
  readonly gzip: Buffer;
  readonly digest: string;
  readonly contentSecurityPolicy: string;
}

interface Tab {
  readonly query: string;
  readonly variables: string;
}

/**
 * What the tabs are about: an import, with a volume that is known, one that is not, and a task that repeats.
 */
const JOB = { database: "demo", username: "alice", jobId: "import-1" };
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
 * In the order of the tabs. GraphiQL calls each after its operation, and underlines the variables in red
 * where one is left out that has a default but is not nullable; so none is.
 */
const EXAMPLES = [
  { file: "store.graphql", variables: { input: { ...JOB, task: TASK, onConflict: "OVERWRITE" } } },
  { file: "report.graphql", variables: { input: { ...JOB, updates: UPDATES } } },
  { file: "watch.graphql", variables: { database: JOB.database, minIntervalMs: 0 } },
  { file: "list.graphql", variables: { database: JOB.database, first: 10 } },
  { file: "list-progress.graphql", variables: { database: JOB.database, jobId: JOB.jobId } },
] as const;

/** `src/server` and `dist/server` are equally deep, so this is right in both. */
const OPERATIONS = new URL("../../../schema/operations/", import.meta.url);

async function renderPage(subscriptions: Subscriptions): Promise<RenderedPage> {
  const tabs = await Promise.all(EXAMPLES.map(readTab));
  const html = await renderInWorker(optionsFor(tabs, subscriptions));
  const seed = seedScript(tabs);
  const page = html.replace("</head>", () => `<style>${STEADY_TABS}</style><script>${seed}</script></head>`);
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

/**
 * With no `endpoint` GraphiQL asks the address that it came from, so it also works behind a proxy that adds a
 * prefix.
 */
function optionsFor(tabs: Tab[], subscriptions: Subscriptions) {
  return {
    title: "Tidemark",
    defaultTabs: tabs,
    subscriptionsProtocol: subscriptions,
    // Otherwise a token among the headers stays in the browser's storage for good.
    shouldPersistHeaders: false,
    // Otherwise what is typed goes into the page's address, from there into logs, and a long one is refused
    // when the page is loaded again.
    onEditQuery: null,
  } satisfies GraphiQLOptions & { onEditQuery: null };
}

/** Rendering takes 0.2 s and leaves 50 MB in the module cache: in a worker neither is felt. */
const RENDERER = `
  const { parentPort, workerData } = require("node:worker_threads");
  void import(workerData.renderer).then(({ renderGraphiQL }) => {
    parentPort.postMessage(renderGraphiQL(workerData.options));
  });
`;

async function renderInWorker(options: ReturnType<typeof optionsFor>): Promise<string> {
  const renderer = import.meta.resolve("@graphql-yoga/render-graphiql");
  const worker = new Worker(RENDERER, { eval: true, execArgv: [], workerData: { renderer, options } });
  // The one thing that the worker says is the page.
  const [html] = (await once(worker, "message")) as [string];
  return html;
}

/**
 * A tab of GraphiQL jumps aside when it is first pressed, and the click is lost. They can be dragged without
 * that.
 */
const STEADY_TABS = ".graphiql-tab { transform: none !important; }";

/**
 * Runs before GraphiQL, which shows the first tab without its variables (issue 3392 of graphql/graphiql), and
 * which goes by the tabs in the browser's storage if there are any: those of whatever else had a GraphiQL at
 * this address, or of an older Tidemark. So whoever has not had these tabs starts with them; from then on the
 * browser's own are left alone.
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

/** A string in an inline script: JSON, with nothing in it that could end the script. */
function literal(text: string): string {
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}

/** The renderer writes one script, with markup in its strings: it goes from the first tag to the last. */
function scriptIn(html: string): string {
  return html.slice(html.indexOf("<script>") + "<script>".length, html.lastIndexOf("</script>"));
}

/**
 * Nothing from elsewhere, no script but the page's own two, no frame around it. Its editor writes styles as
 * it goes, so they can't be listed; its workers are blobs, its fonts and icons are in the page.
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
    // A browser that went away in the middle is no error of ours.
    if (!response.destroyed) throw error;
  }
}

const compress = promisify(gzip);
