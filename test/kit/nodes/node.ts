/** Tidemark servers that share one PostgreSQL, each with a connection to it that a test can break. */
import { SeverableProxy } from "../network/severable-proxy.js";
import { startTidemark, type Program, type ProgramOptions } from "../process/child-process.js";
import { RecordingLog } from "../server/recording-log.js";
import { startServer } from "../server/server.js";

export interface Node extends AsyncDisposable {
  readonly url: string;
  /** Its way to the database server. */
  readonly link: SeverableProxy;
}

/** A node in the process of the test. */
export interface LocalNode extends Node {
  readonly log: RecordingLog;
}

/** A node that can be killed or stopped. */
export interface NodeProcess extends Node {
  readonly program: Program;
}

/** @param store the URL of a database of the server */
export async function startNode(
  store: string,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<LocalNode> {
  const log = new RecordingLog();
  const { link, started } = await behindLink(store, (url) => startServer({ store: url, ...flags }, { log }));
  const dispose = async (): Promise<void> => {
    link.release();
    await started.close();
    await link[Symbol.asyncDispose]();
  };
  return { url: started.url, link, log, [Symbol.asyncDispose]: dispose };
}

/** Needs `npm run build`. @param store the URL of a database of the server */
export async function startNodeProcess(
  store: string,
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<NodeProcess> {
  const { link, started } = await behindLink(store, (url) =>
    startTidemark(["--store", url, ...flags], options),
  );
  const dispose = async (): Promise<void> => {
    await started[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  };
  return { url: started.url, link, program: started.program, [Symbol.asyncDispose]: dispose };
}

/** Leads nodes to another server, as a virtual address or a load balancer does after a failover. */
export function moveTo(server: { readonly url: string }, nodes: readonly Node[]): void {
  for (const { link } of nodes) {
    link.redirectTo(server.url);
    link.release();
    link.sever();
  }
}

async function behindLink<T>(
  store: string,
  start: (url: string) => Promise<T>,
): Promise<{ link: SeverableProxy; started: T }> {
  const link = await SeverableProxy.open(store);
  try {
    return { link, started: await start(link.urlOf(store)) };
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}
