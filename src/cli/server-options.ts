/**
 * The options of every command that talks to a server: address, token and database. A flag overrides its environment
 * variable, which overrides the default. An empty variable counts as unset.
 *
 *     addDatabaseOptions(command).action((flags: DatabaseFlags) => connect(resolveDatabase(flags, env)));
 */
import { type Command, Option } from "commander";
import { DEFAULT_DATABASE } from "../protocol/default-database.js";
import { DEFAULT_URL } from "../protocol/default-url.js";
import { parseServerUrls } from "../protocol/server-urls.js";
import { ConfigError } from "../config/config-error.js";

/** The flags as commander parses them. */
export interface ServerFlags {
  readonly url?: string;
  readonly token?: string;
}

export interface DatabaseFlags extends ServerFlags {
  readonly database?: string;
}

/** The server of a command, and where its address and token come from. */
export interface ServerEndpoint {
  /** One address, or several with commas in between. */
  readonly url: string;
  /** Undefined: the default address. */
  readonly urlSource?: "--url" | "TIDEMARK_URL";
  readonly token?: string;
  readonly tokenSource?: "--token" | "TIDEMARK_TOKEN";
}

export interface DatabaseEndpoint extends ServerEndpoint {
  readonly database: string;
}

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Adds --url and --token. Defaults appear only in the help: a commander default would hide the environment. */
function addServerOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--url <url>",
        `Address of the server, or of several with commas (default ${DEFAULT_URL}, env TIDEMARK_URL)`,
      ).helpGroup(SERVER),
    )
    .addOption(
      new Option("--token <token>", "Token for authentication (default none, env TIDEMARK_TOKEN)").helpGroup(
        SERVER,
      ),
    );
}

/** Adds --url, --token and --database. */
export function addDatabaseOptions(command: Command): Command {
  const help = `Database of the jobs (default "${DEFAULT_DATABASE}", env TIDEMARK_DATABASE)`;
  return addServerOptions(command).addOption(new Option("--db, --database <name>", help).helpGroup(SERVER));
}

/** @throws ConfigError for an invalid address. */
export function resolveServer(flags: ServerFlags, env: Env): ServerEndpoint {
  return { ...addressOf(flags, env), ...tokenOf(flags, env) };
}

/** @throws ConfigError for an invalid address. */
export function resolveDatabase(flags: DatabaseFlags, env: Env): DatabaseEndpoint {
  const database = flags.database ?? valueOf(env, "TIDEMARK_DATABASE") ?? DEFAULT_DATABASE;
  return { ...resolveServer(flags, env), database };
}

const SERVER = "Server:";

function addressOf({ url: flag }: ServerFlags, env: Env): Pick<ServerEndpoint, "url" | "urlSource"> {
  const text = flag ?? valueOf(env, "TIDEMARK_URL");
  if (text === undefined) return { url: DEFAULT_URL };
  const urlSource = flag === undefined ? "TIDEMARK_URL" : "--url";
  const urls = text.split(",").map((part) => withScheme(part.trim()));
  const expected = `expected an address such as ${DEFAULT_URL}, or several with commas`;
  return {
    url: parseServerUrls(urls, (invalid) => new ConfigError(urlSource, invalid, expected)).join(),
    urlSource,
  };
}

function withScheme(text: string): string {
  return LOOPBACK_WITHOUT_SCHEME.test(text) ? `http://${text}` : text;
}

/** Other hosts need a scheme, because a token must not go to them unencrypted by mistake. */
const LOOPBACK_WITHOUT_SCHEME = /^(?:localhost|127\.0\.0\.1|\[::1\]):\d+(?:\/|$)/i;

function tokenOf({ token: flag }: ServerFlags, env: Env): Pick<ServerEndpoint, "token" | "tokenSource"> {
  const token = flag ?? valueOf(env, "TIDEMARK_TOKEN");
  if (token === undefined) return {};
  return { token, tokenSource: flag === undefined ? "TIDEMARK_TOKEN" : "--token" };
}

function valueOf(
  env: Env,
  name: "TIDEMARK_URL" | "TIDEMARK_TOKEN" | "TIDEMARK_DATABASE",
): string | undefined {
  return env[name] || undefined;
}
