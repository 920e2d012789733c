import { startApp, type App, type AppOptions } from "../../../src/app.js";
import { LIMIT_SETTINGS } from "../../../src/config/limit-settings.js";
import type { Config } from "../../../src/config/settings.js";
import { loadConfig } from "../../../src/config/load-config.js";

/**
 * A real server on a free port, by default with a new store in memory. Flags as on the command line, in camel
 * case. Limits may be lower than a server accepts: a test of one limit sets it to a few bytes or items.
 */
export async function startServer(
  flags: Readonly<Record<string, unknown>> = {},
  options: AppOptions = {},
): Promise<TestServer> {
  const limits = Object.entries(LIMIT_SETTINGS).filter(([, { key }]) => key in flags);
  const others = Object.entries(flags).filter(([key]) => !limits.some(([, setting]) => setting.key === key));
  const config = configOf(Object.fromEntries(others));
  const given = Object.fromEntries(limits.map(([name, { key, parser }]) => [name, parser.parse(flags[key])]));
  const all = { ...config.limits, ...given };
  const pageSizeDefault = Math.min(all.pageSizeDefault, all.pageSizeMax);
  const app = await startApp({ ...config, limits: { ...all, pageSizeDefault } }, options);
  return { ...app, close: app.stop };
}

/** The config of a server for a test. @throws ConfigError */
export function configOf(flags: Readonly<Record<string, unknown>>): Config {
  return loadConfig({ flags: { port: "0", store: "memory:", ...flags }, env: {}, readFile: noFile });
}

export interface TestServer extends App {
  close(): Promise<void>;
}

function noFile(path: string): string {
  throw new Error(`no test reads the file ${path}`);
}
