import { startApp, type App, type AppOptions } from "../../../src/app.js";
import { loadConfig } from "../../../src/config/load-config.js";

/**
 * A real server on a free port, by default with a new store in memory. Flags as on the command line, in camel
 * case.
 */
export async function startServer(
  flags: Readonly<Record<string, unknown>> = {},
  options: AppOptions = {},
): Promise<TestServer> {
  const app = await startApp(
    loadConfig({ flags: { port: "0", store: "memory:", ...flags }, env: {}, readFile: noFile }),
    options,
  );
  return { ...app, close: app.stop };
}

export interface TestServer extends App {
  close(): Promise<void>;
}

function noFile(path: string): string {
  throw new Error(`no test reads the file ${path}`);
}
