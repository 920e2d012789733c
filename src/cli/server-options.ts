/**
 * The options of every command that talks to a server: where it is, who asks, and in which database. A flag comes
 * before its environment variable, that before the default; a variable that is empty says nothing.
 *
 *     addDatabaseOptions(command).action((flags: DatabaseFlags) => connect(databaseOf(flags, env)));
 */
import { type Command, Option } from "commander";
import { ConfigError } from "../config/config-error.js";

/** As commander reads them. */
export interface ServerFlags {
  readonly url?: string;
  readonly token?: string;
}

export interface DatabaseFlags extends ServerFlags {
  readonly database?: string;
}

/** What `connect()` and `watch()` take. */
export interface Server {
  readonly url: string;
  readonly token?: string;
}

export interface DatabaseOnServer extends Server {
  readonly database: string;
}

/** Variables of the environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Adds --url and --token. The defaults are only told, not set: else they would hide the environment. */
function addServerOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--url <url>", `Address of the server (default ${DEFAULT_URL}, env TIDEMARK_URL)`).helpGroup(
        SERVER,
      ),
    )
    .addOption(
      new Option("--token <token>", "Proves who asks (default none, env TIDEMARK_TOKEN)").helpGroup(SERVER),
    );
}

/** Adds --url, --token and --database. */
export function addDatabaseOptions(command: Command): Command {
  const help = `Database of the jobs (default ${DEFAULT_DATABASE}, env TIDEMARK_DATABASE)`;
  return addServerOptions(command).addOption(new Option("--database <name>", help).helpGroup(SERVER));
}

/** @throws ConfigError for what is no address of a server. */
export function serverOf({ url, token }: ServerFlags, env: Env): Server {
  const proof = token ?? valueOf(env, "TIDEMARK_TOKEN");
  return { url: checkedUrl(url, env), ...(proof !== undefined && { token: proof }) };
}

/** @throws ConfigError for what is no address of a server. */
export function databaseOf(flags: DatabaseFlags, env: Env): DatabaseOnServer {
  const database = flags.database ?? valueOf(env, "TIDEMARK_DATABASE") ?? DEFAULT_DATABASE;
  return { ...serverOf(flags, env), database };
}

const SERVER = "Server:";
const DEFAULT_URL = "http://127.0.0.1:4000";
const DEFAULT_DATABASE = "default";

function checkedUrl(flag: string | undefined, env: Env): string {
  const source = flag === undefined ? "TIDEMARK_URL" : "--url";
  const url = flag ?? valueOf(env, "TIDEMARK_URL") ?? DEFAULT_URL;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new ConfigError(source, url, `expected an address such as ${DEFAULT_URL}`);
}

function valueOf(
  env: Env,
  name: "TIDEMARK_URL" | "TIDEMARK_TOKEN" | "TIDEMARK_DATABASE",
): string | undefined {
  return env[name] || undefined;
}
