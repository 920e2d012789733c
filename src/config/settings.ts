/**
 * The one declaration of every setting, by the config property that it sets. The type of the config, the options and
 * the help of `tidemark serve`, and `docs/configuration.md` follow from it. After a change run `npm run docs`.
 */
import { parseDatabasePattern } from "../tasks/database-pattern.js";
import { LIMIT_SETTINGS } from "./limit-settings.js";
import {
  algorithms,
  authSpec,
  claim,
  duration,
  durations,
  onOrOff,
  oneOf,
  openIdIssuer,
  targets,
  text,
  textOrNone,
  wholeNumber,
} from "./parsers.js";
import { defineGroup, namesOf, type Setting } from "./setting.js";
import { headerNames, hosts, origins, peerUrls, publicUrl } from "./web-parsers.js";
import { parseRole } from "../auth/caller.js";

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** Those of PostgreSQL, from the safest. */
const COMMIT_LEVELS = ["server", "remote_apply", "on", "remote_write", "local", "off"] as const;

const ACCESS = "Access";
const STORAGE = "Storage";

const NETWORK_SETTINGS = defineGroup("Network", {
  host: {
    syntax: "--host <address>",
    parser: text(/^[^\s/]{1,253}$/, "expected an address or a host name, such as 127.0.0.1"),
    default: "127.0.0.1",
    help: "Address to listen on",
  },
  port: {
    syntax: "--port <port>",
    parser: wholeNumber(0, 65_535),
    default: "4000",
    help: "Port to listen on; 0 selects a free port",
  },
  allowedOrigins: {
    syntax: "--allow-origin <origins>",
    parser: origins(),
    default: "none",
    help: "Origins whose pages may use the API, besides the server's own, separated by commas; https://*.example allows every name below example",
  },
  allowedHosts: {
    syntax: "--allow-host <hosts>",
    parser: hosts(),
    default: "none",
    help: "Host names that requests may use, besides IP addresses and localhost, separated by commas; *.example allows every name below example, and a port allows only that port",
  },
  allowedHeaders: {
    syntax: "--allow-header <names>",
    parser: headerNames(),
    default: "none",
    help: "Headers that pages of allowed origins may send, besides those of GraphQL and tracing, separated by commas",
  },
  trustsProxy: {
    syntax: "--trust-proxy <on|off>",
    parser: onOrOff(),
    default: "off",
    help: "Take the client's address from the last entry of X-Forwarded-For, and the server's own address from X-Forwarded-Proto, -Host and -Prefix; only behind a proxy that sets them",
  },
  publicUrl: {
    syntax: "--public-url <url>",
    parser: publicUrl(),
    default: "none",
    help: "Address at which people open the dashboard, for links to shared jobs, such as https://tools.example/tidemark; none is the address of the request",
  },
  peerUrls: {
    syntax: "--peer-urls <urls>",
    parser: peerUrls(),
    default: "none",
    help: "Addresses at which browsers reach the other servers of the same databases, separated by commas; when this server fails, an open dashboard moves to one of them. May include this server's own, so that all can have the same list",
  },
  compression: {
    syntax: "--compression <on|off>",
    parser: onOrOff(),
    default: "on",
    help: "Compress answers of more than 1 KiB for clients that accept gzip or brotli; off if a proxy does it",
  },
  headersTimeoutMs: {
    syntax: "--headers-timeout <duration>",
    parser: duration("1ms", "1h"),
    default: "10s",
    help: "Longest time to receive the headers of a request",
  },
  requestTimeoutMs: {
    syntax: "--request-timeout <duration>",
    parser: duration("1ms", "1h"),
    default: "15s",
    help: "Longest time to receive a whole request",
  },
  idleConnectionMs: {
    syntax: "--idle-connection <duration>",
    parser: duration("1ms", "24h"),
    default: "75s",
    help: "Close an HTTP connection without a request for this long; set it above the idle timeout of a proxy's connections to the server",
  },
  initTimeoutMs: {
    syntax: "--init-timeout <duration>",
    parser: duration("1ms", "1h"),
    default: "3s",
    help: "Close a WebSocket that sends no connection_init for this long",
  },
  keepAliveMs: {
    syntax: "--keep-alive <duration>",
    parser: duration("1ms", "24d"),
    default: "12s",
    help: "Interval between pings on a WebSocket, and between comments on an event stream",
  },
  slowReaderMs: {
    syntax: "--slow-reader <duration>",
    parser: duration("1ms", "24d"),
    default: "60s",
    help: "Close a watcher's connection if the watcher reads nothing for this long while data is waiting",
  },
  drainMs: {
    syntax: "--drain <duration>",
    parser: duration("0s", "1h"),
    default: "5s",
    help: "Longest time over which a server that stops closes the connections of watchers, so that they do not all move to another one at once; 0s closes them at once",
  },
  bookmarkMs: {
    syntax: "--bookmark <duration>",
    parser: duration("1ms", "24d"),
    default: "30s",
    help: "Send a watcher its new position if its filter has hidden every change for this long",
  },
});

const ACCESS_SETTINGS = {
  ...defineGroup(ACCESS, {
    auth: {
      syntax: "--auth <method>",
      parser: authSpec(),
      default: "none",
      help: "Authenticate clients: none, tokens:FILE, jwt:env:VARIABLE, jwt:secret:FILE, jwt:key:FILE, jwt:jwks:FILE, jwt:URL (a key set over https) or oidc, which --oidc-issuer implies",
    },
    allowsOpenAccess: {
      syntax: "--allow-open",
      parser: onOrOff(),
      default: "off",
      help: "Allow --auth none on an address that other machines can reach",
    },
  }),
  jwt: defineGroup(ACCESS, {
    issuer: {
      syntax: "--jwt-issuer <issuer>",
      parser: textOrNone("expected the issuer of the tokens"),
      default: "none",
      help: "Issuer (claim iss) that the tokens of --auth jwt must have",
    },
    audience: {
      syntax: "--jwt-audience <audience>",
      parser: textOrNone("expected the audience of the tokens"),
      default: "none",
      help: "Audience (claim aud) that JSON Web Tokens must have; with --oidc-issuer, none is the client id",
    },
    algorithms: {
      syntax: "--jwt-algorithms <names>",
      parser: algorithms(),
      default: "auto",
      help: "Signature algorithms that --auth jwt accepts; auto is HS256 for a secret, else RS256,PS256,ES256,EdDSA",
    },
    usernameClaim: {
      syntax: "--jwt-username-claim <claim>",
      parser: claim(),
      default: "sub",
      help: "Claim of a JSON Web Token with the name of the user; a dot leads into an object",
    },
    roleClaim: {
      syntax: "--jwt-role-claim <claim>",
      parser: claim(),
      default: "role",
      help: "Claim of a JSON Web Token with the roles, such as realm_access.roles; the highest one counts",
    },
    roles: {
      syntax: "--jwt-roles <value=role>",
      parser: targets(parseRole, "values and roles such as ops=admin,dev=reporter,*=viewer"),
      default: "none",
      help: "Role for each value of that claim, separated by commas; * stands for every user, with or without the claim; none if the values are roles",
    },
    databasesClaim: {
      syntax: "--jwt-databases-claim <claim>",
      parser: claim(),
      default: "databases",
      help: "Claim of a JSON Web Token with the databases",
    },
    databases: {
      syntax: "--jwt-databases <value=database>",
      parser: targets(parseDatabasePattern, "values and databases such as ops=*,film-team=movies,*=public-*"),
      default: "none",
      help: "Database or pattern for each value of that claim, like --jwt-roles; none if the values are databases",
    },
  }),
  oidc: defineGroup(ACCESS, {
    issuer: {
      syntax: "--oidc-issuer <url>",
      parser: openIdIssuer(),
      default: "none",
      help: "OpenID provider with which people sign in to the dashboard; its tokens are accepted like those of --auth jwt",
    },
    clientId: {
      syntax: "--oidc-client-id <id>",
      parser: textOrNone("expected the client id of the dashboard at the provider"),
      default: "none",
      help: "Client id of the dashboard at the OpenID provider: a public client without a secret",
    },
    scope: {
      syntax: "--oidc-scope <scopes>",
      parser: text(/^openid( \S+)*$/, "expected openid and other scopes, separated by spaces"),
      default: "openid profile offline_access",
      help: "Scopes to request from the OpenID provider; offline_access asks for a token that renews the session",
    },
  }),
};

const STORAGE_SETTINGS = {
  ...defineGroup(STORAGE, {
    store: {
      syntax: "--store <url>",
      parser: text(
        /^(memory:$|(lmdb|postgres|postgresql):.)/,
        "expected memory:, lmdb:FOLDER or postgres://USER@HOST/DATABASE",
      ),
      default: "lmdb:./tidemark-data",
      help: "Where to store jobs: lmdb:FOLDER on disk, postgres://USER@HOST/DATABASE for several servers, or memory: until the server stops",
    },
    tracking: {
      syntax: "--tracking <on|off>",
      parser: onOrOff(),
      default: "on",
      help: "Store progress; if off, reports are discarded and every response is empty",
    },
  }),
  postgres: defineGroup(STORAGE, {
    connectionsMax: {
      syntax: "--postgres-connections <count>",
      parser: wholeNumber(3, 1_000),
      default: "10",
      help: "Connections to PostgreSQL of this server at most",
    },
    synchronousCommit: {
      syntax: "--synchronous-commit <level>",
      parser: oneOf(COMMIT_LEVELS),
      default: "server",
      help: `How durable PostgreSQL makes a change before it is answered: ${COMMIT_LEVELS.join(", ")}; server is the setting of PostgreSQL, where off and local are refused because a failover or a crash could lose answered changes`,
    },
  }),
  retention: defineGroup(STORAGE, {
    ended: {
      syntax: "--retention <durations>",
      parser: durations("24h"),
      default: "24h",
      help: "Keep an ended or lost job for this long; 24h,staging-*=1h sets it by database, and the first match wins",
    },
    failed: {
      syntax: "--retention-failed <durations>",
      parser: durations("7d"),
      default: "7d",
      help: "Keep a FAILED job for this long; same format as --retention",
    },
  }),
  ...defineGroup(STORAGE, {
    idleMs: {
      syntax: "--idle <duration>",
      parser: duration("1s", "3650d"),
      default: "1h",
      help: "Close a database after it has been idle for this long, and delete it if it has no jobs",
    },
    engineGraceMs: {
      syntax: "--engine-grace <duration>",
      parser: duration("1s", "1h"),
      default: "10s",
      help: "Serve reads and watchers for this long while the database server of the store does not answer; then disconnect watchers, and be not ready until it answers",
    },
    newEpoch: {
      syntax: "--new-epoch",
      parser: onOrOff(),
      default: "off",
      help: "Begin a new epoch; use it once, for the first start after the store was restored from a copy",
    },
  }),
};

const HEALTH_SETTINGS = defineGroup("Job health", {
  leaseMs: {
    syntax: "--lease <duration>",
    parser: duration("1ms", "7d"),
    default: "60s",
    help: "Mark a job SILENT if its worker does not report for this long",
  },
  lostAfterLeases: {
    syntax: "--lost-after <leases>",
    parser: wholeNumber(1, 1_000),
    default: "3",
    help: "Mark a job LOST if its worker does not report for this many leases",
  },
});

const PAGE_SETTINGS = defineGroup("Pages and log", {
  dashboard: {
    syntax: "--dashboard <on|off>",
    parser: onOrOff(),
    default: "on",
    help: "Serve the dashboard at /",
  },
  demo: {
    syntax: "--demo <on|off>",
    parser: onOrOff(),
    default: "on",
    help: "Let the dashboard run a demonstration job on the server",
  },
  graphiql: {
    syntax: "--graphiql <on|off>",
    parser: onOrOff(),
    default: "on",
    help: "Serve GraphiQL to browsers at /graphql",
  },
  introspection: {
    syntax: "--introspection <on|off>",
    parser: onOrOff(),
    default: "on",
    help: "Let clients query the schema, and suggest names in error messages",
  },
  logLevel: {
    syntax: "--log-level <level>",
    parser: oneOf(LOG_LEVELS),
    default: "info",
    help: `Least important level to log: ${LOG_LEVELS.join(", ")}`,
  },
});

export const SETTINGS = {
  ...NETWORK_SETTINGS,
  ...ACCESS_SETTINGS,
  ...STORAGE_SETTINGS,
  ...HEALTH_SETTINGS,
  ...PAGE_SETTINGS,
  limits: LIMIT_SETTINGS,
};

/** Every setting in the order of the help; those of a group follow each other. */
export const SETTING_LIST: readonly Setting[] = Object.values(SETTINGS).flatMap((entry) =>
  isSetting(entry) ? [entry] : Object.values<Setting>(entry),
);

/** The flag and the variable that name the config file. */
export const CONFIG_FILE = {
  ...namesOf("--config <file>"),
  syntax: "--config <file>",
  help: "JSON file with settings; its keys are the flags in camel case",
};

/** The settings of a server, validated and frozen. */
export interface Config extends Values<typeof SETTINGS> {
  /** Problems that do not stop the server, one sentence each. */
  readonly warnings: readonly string[];
}

/** The values of settings, by their properties. */
export type Values<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : Values<S[K]> };

export function isSetting(entry: object): entry is Setting {
  return "parser" in entry;
}
