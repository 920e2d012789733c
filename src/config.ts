/**
 * What the operator decides, as one frozen value. A setting is looked up in the flags, then in the
 * environment, then in the config file, then in the defaults, and what is found is parsed here, once.
 * `SETTINGS` is the only place where a setting has its names, its parser and its description; the help of
 * the command line and the messages of the errors are made from it.
 *
 *     loadConfig({ flags: { lease: "5m" }, env: process.env, readFile })   // { leaseMs: 300000, … }
 */
import { z } from "zod";
import { isLoopback, parseAuthSpec, type AuthSpec, type JwtRequirements } from "./auth/auth-spec.js";
import { DEFAULT_LIMITS, DEFAULT_LIMITS_WITH_RIGHTS, type Limits } from "./protocol/limits.js";
import { parseDurations, type DatabaseDurations, type Retention } from "./tasks/retention.js";
import { parseDuration } from "./util/duration.js";

/** The settings of a server, validated and frozen; the unit is in the name. */
export interface Config {
  /** The address to listen on. Default "127.0.0.1". */
  readonly host: string;
  /** The port to listen on; 0 is any free one. Default 4000. */
  readonly port: number;
  /** How it is found out who asks. Default: it is not, and everybody may do everything. */
  readonly auth: AuthSpec;
  /** What a JSON Web Token must say, where `auth` is by those. */
  readonly jwt: JwtRequirements;
  /** Where the journal is: "memory:", "lmdb:FOLDER" or "redis://HOST". Default "lmdb:./tidemark-data". */
  readonly store: string;
  /** Origins whose pages may use the API, beside the server's own: "https://tidemark.example". Default none. */
  readonly allowedOrigins: readonly string[];
  /** Names by which the server may be asked, beside its addresses and localhost, where names are checked. Default none. */
  readonly allowedHosts: readonly string[];
  /** Whether the last address in X-Forwarded-For is the client's. Default false. */
  readonly trustsProxy: boolean;
  /** Whether clients may ask for the schema, and are told names that they may have meant. Default true. */
  readonly introspection: boolean;
  /** Whether a browser finds GraphiQL. Default true. */
  readonly graphiql: boolean;
  /** How long the head of a request may take, in milliseconds. Default 10 seconds. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take, in milliseconds. Default 15 seconds. */
  readonly requestTimeoutMs: number;
  /** How long a WebSocket may be open without its initialisation, in milliseconds. Default 3 seconds. */
  readonly initTimeoutMs: number;
  /** Whether progress is kept at all; if not, nothing is stored and every answer is empty. Default true. */
  readonly tracking: boolean;
  /** Whether the dashboard is served at `/`. Default true. */
  readonly dashboard: boolean;
  /** Whether the dashboard may run its demonstration job here. Default true. */
  readonly demo: boolean;
  /** How long an ended or lost job stays. Default 24 hours, 7 days when it FAILED. */
  readonly retention: Retention;
  /** How long a database that nobody asks for stays open, in milliseconds. Default 1 hour. */
  readonly idleMs: number;
  /** How long a job may be silent before its health changes, in milliseconds. Default 60 seconds. */
  readonly leaseMs: number;
  /** A job is LOST when it was silent for so many leases. Default 3. */
  readonly lostAfterLeases: number;
  /** The time between two signs of life to a watcher's connection, in milliseconds. Default 12 seconds. */
  readonly keepAliveMs: number;
  /** How long a reader may take nothing of what waits for it, in milliseconds. Default 60 seconds. */
  readonly slowReaderMs: number;
  /** How long a subscriber's position may lie behind what its filter hides, in milliseconds. Default 30 seconds. */
  readonly bookmarkMs: number;
  /** The least important level that is logged. Default "info". */
  readonly logLevel: ServerLogLevel;
  /** Whether this start begins a new epoch: once, after a copy of the store was restored. Default false. */
  readonly newEpoch: boolean;
  /** The bounds of law 16. */
  readonly limits: Limits;
  /** What the operator should be told but need not mend, a sentence each. */
  readonly warnings: readonly string[];
}

/** The levels of the log, the most important first. */
export type ServerLogLevel = (typeof LOG_LEVELS)[number];

/** Where settings are looked up. */
export interface ConfigSources {
  /** The flags by their names in camel case, as commander gives them; a flag that was not given is absent. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The environment; an empty variable counts as absent. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the config file as text; called at most once, and throws when the file cannot be read. */
  readonly readFile: (path: string) => string;
}

/** One row of `SETTINGS`: all that is to be known about a setting whose value is a `T`. */
export interface Setting<T = unknown> extends Definition<T>, Names {}

/** The flag and the variable that name the config file. */
export const CONFIG_FILE = namesOf("config");

/**
 * The config that flags, environment, file and defaults give, in this order of precedence. Pure but for the
 * file reader. Throws a ConfigError at the first value that is wrong; a value that another one overrides is
 * not looked at.
 */
export function loadConfig(sources: ConfigSources): Config {
  const file = readConfigFile(sources);
  const read = <T>(setting: Setting<T>): T => parse(setting, lookUp(setting, sources, file));
  const wrong = (setting: Setting, expected: string): ConfigError => {
    const { source, value } = lookUp(setting, sources, file);
    return new ConfigError(source, value, expected);
  };
  const [host, auth, allowOpen] = [read(SETTINGS.host), read(SETTINGS.auth), read(SETTINGS.allowOpen)];
  const isExposed = auth.kind === "none" && !isLoopback(host);
  const jwt = {
    issuer: read(SETTINGS.jwtIssuer),
    audience: read(SETTINGS.jwtAudience),
    algorithms: read(SETTINGS.jwtAlgorithms),
  };
  if (isExposed && !allowOpen) throw wrong(SETTINGS.host, NOT_OPEN);
  if (auth.kind === "jwt" && !(jwt.issuer && jwt.audience)) throw wrong(SETTINGS.auth, NO_TERMS);
  return Object.freeze({
    host,
    port: read(SETTINGS.port),
    auth: Object.freeze(auth),
    jwt: Object.freeze(jwt),
    store: read(SETTINGS.store),
    allowedOrigins: read(SETTINGS.allowOrigin),
    allowedHosts: read(SETTINGS.allowHost),
    trustsProxy: read(SETTINGS.trustProxy),
    introspection: read(SETTINGS.introspection),
    graphiql: read(SETTINGS.graphiql),
    headersTimeoutMs: read(SETTINGS.headersTimeout),
    requestTimeoutMs: read(SETTINGS.requestTimeout),
    initTimeoutMs: read(SETTINGS.initTimeout),
    tracking: read(SETTINGS.tracking),
    dashboard: read(SETTINGS.dashboard),
    demo: read(SETTINGS.demo),
    retention: Object.freeze({ ended: read(SETTINGS.retention), failed: read(SETTINGS.retentionFailed) }),
    idleMs: read(SETTINGS.idle),
    leaseMs: read(SETTINGS.lease),
    lostAfterLeases: read(SETTINGS.lostAfter),
    keepAliveMs: read(SETTINGS.keepAlive),
    slowReaderMs: read(SETTINGS.slowReader),
    bookmarkMs: read(SETTINGS.bookmark),
    logLevel: read(SETTINGS.logLevel),
    newEpoch: read(SETTINGS.newEpoch),
    limits: consistent(
      mapValues(defaultLimits(auth), (bound, key) => read(withDefault(SETTINGS[key], bound))),
    ),
    warnings: Object.freeze([...(isExposed ? [OPEN_TO_ALL] : []), ...unknownVariables(sources.env, auth)]),
  });
}

/** A setting is wrong. For the operator at the terminal: the message is one line that says where, what and what else. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(
    /** Where the value comes from, as a phrase: "the flag --port". */
    readonly source: string,
    /** The value that was found there. */
    readonly value: unknown,
    /** What would be right, as a clause: "expected on or off". */
    readonly expected: string,
    options?: ErrorOptions,
  ) {
    super(`${source} is ${shown(value)}: ${expected}`, options);
  }
}

interface Definition<T> {
  /** Reads a text of the flags or the environment, or a JSON value of the file. */
  readonly parser: z.ZodType<T>;
  /** The value when none is given, as one would write it. */
  readonly default: string;
  /** What the value counts or is, for the help; a flag without a unit takes no value. */
  readonly unit?: string;
  /** One sentence for the help. */
  readonly description: string;
}

interface Names {
  /** The key in the file, and the name of the flag in camel case. */
  readonly key: string;
  /** The flag, "--new-epoch". */
  readonly flag: string;
  /** The environment variable, "TIDEMARK_NEW_EPOCH". */
  readonly variable: string;
}

/** How one writes that nothing is bounded, or named. */
const OFF = "off";
const NONE = "none";

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const COMMON = {
  host: {
    parser: text(/^[^\s/]{1,253}$/, "expected an address or a host name, such as 127.0.0.1"),
    default: "127.0.0.1",
    unit: "address",
    description: "Address to listen on",
  },
  port: {
    parser: wholeNumber(0, 65_535, "expected a whole number from 0 (any free port) to 65535"),
    default: "4000",
    unit: "port",
    description: "Port to listen on, 0 for any free one",
  },
  auth: {
    parser: authSpec(),
    default: "none",
    unit: "how",
    description:
      "Who may ask: none (everybody), tokens:FILE, or jwt: with env:VARIABLE, secret:FILE, key:FILE, jwks:FILE or the URL of keys",
  },
  allowOpen: {
    parser: onOrOff(),
    default: "off",
    description: "Serve everybody (--auth none) on an address that others reach too",
  },
  jwtIssuer: {
    parser: textOrNone("expected the issuer of the tokens"),
    default: "none",
    unit: "issuer",
    description: "Who makes the tokens of --auth jwt: their claim iss",
  },
  jwtAudience: {
    parser: textOrNone("expected the audience of the tokens"),
    default: "none",
    unit: "audience",
    description: "Whom the tokens of --auth jwt are for: their claim aud",
  },
  jwtAlgorithms: {
    parser: algorithms(),
    default: "auto",
    unit: "names",
    description:
      "How the tokens of --auth jwt may be signed, such as RS256,ES256; auto is HS256 for a secret, else RS256,PS256,ES256,EdDSA",
  },
  store: {
    parser: text(/^(memory:$|(?!memory:)[a-z][a-z0-9+-]+:.)/, "expected memory: or lmdb:FOLDER"),
    default: "lmdb:./tidemark-data",
    unit: "url",
    description:
      "Where jobs are kept: in the folder of lmdb:FOLDER, or in memory:, forgotten when the server stops",
  },
  allowOrigin: {
    parser: list(
      originOf,
      "expected origins such as https://tidemark.example, with commas between them, or none",
    ),
    default: "none",
    unit: "origins",
    description: "Origins whose pages may use the API, beside the server's own, with commas between them",
  },
  allowHost: {
    parser: list(hostOf, "expected host names such as tidemark.example, with commas between them, or none"),
    default: "none",
    unit: "names",
    description: "Names by which the server may be asked, beside its addresses and localhost",
  },
  trustProxy: {
    parser: onOrOff(),
    default: "off",
    unit: "on|off",
    description:
      "Take the last address in X-Forwarded-For for the client's: only behind a proxy that sets it",
  },
  introspection: {
    parser: onOrOff(),
    default: "on",
    unit: "on|off",
    description: "Tell clients the schema when they ask, and the names that they may have meant",
  },
  graphiql: {
    parser: onOrOff(),
    default: "on",
    unit: "on|off",
    description: "Show GraphiQL to a browser that goes to /graphql",
  },
  headersTimeout: {
    parser: duration("1ms", "1h"),
    default: "10s",
    unit: "duration",
    description: "How long the head of a request may take",
  },
  requestTimeout: {
    parser: duration("1ms", "1h"),
    default: "15s",
    unit: "duration",
    description: "How long a request may take, head and body",
  },
  initTimeout: {
    parser: duration("1ms", "1h"),
    default: "3s",
    unit: "duration",
    description: "How long a WebSocket may be open before its connection_init",
  },
  tracking: {
    parser: onOrOff(),
    default: "on",
    unit: "on|off",
    description: "Keep progress; when off, nothing is stored and every answer is empty",
  },
  dashboard: {
    parser: onOrOff(),
    default: "on",
    unit: "on|off",
    description: "Serve the dashboard",
  },
  demo: {
    parser: onOrOff(),
    default: "on",
    unit: "on|off",
    description: "Let the dashboard run a demonstration job on the server",
  },
  retention: {
    parser: durations("24h"),
    default: "24h",
    unit: "durations",
    description: "How long an ended or lost job stays, also by database: 24h,staging-*=1h",
  },
  retentionFailed: {
    parser: durations("7d"),
    default: "7d",
    unit: "durations",
    description: "How long a job stays that FAILED, written like --retention",
  },
  idle: {
    parser: duration("1s", "3650d"),
    default: "1h",
    unit: "duration",
    description: "How long a database stays open that nobody asks for",
  },
  lease: {
    parser: duration("1ms", "24d"),
    default: "60s",
    unit: "duration",
    description: "How long a job may be silent before its health changes",
  },
  lostAfter: {
    parser: wholeNumber(1, 1_000, "expected a whole number from 1 to 1000"),
    default: "3",
    unit: "leases",
    description: "Leases that a job may be silent for before it is LOST",
  },
  keepAlive: {
    parser: duration("1ms", "24d"),
    default: "12s",
    unit: "duration",
    description: "Time between two pings on a WebSocket, and two comments on an event stream",
  },
  slowReader: {
    parser: duration("1ms", "24d"),
    default: "60s",
    unit: "duration",
    description: "How long a watcher may read nothing before its connection is closed",
  },
  bookmark: {
    parser: duration("1ms", "24d"),
    default: "30s",
    unit: "duration",
    description: "How long a watcher's position may lie behind changes that its filter hides",
  },
  logLevel: {
    parser: z.enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.join(", ")}` }),
    default: "info",
    unit: "level",
    description: `Least important level that is logged: ${LOG_LEVELS.join(", ")}`,
  },
  newEpoch: {
    parser: onOrOff(),
    default: "off",
    description: "Begin a new epoch: once, after a copy of the store was restored",
  },
} satisfies Record<string, Definition<unknown>>;

const BOUNDS = {
  connectionsMax: ["connections", "Open connections to the server"],
  connectionsPerAddressMax: ["connections", "Open connections from one address"],
  connectionsPerUserMax: ["connections", "Open WebSockets and event streams of one user"],
  subscriptionsPerUserMax: ["subscriptions", "Open subscriptions of one user"],
  operationsPerSecondMax: ["operations", "Operations of one user in a second"],
  mutationsPerSecondMax: ["mutations", "Mutations of one user in a second"],
  subscriptionsPerSocketMax: ["subscriptions", "Open subscriptions of one WebSocket"],
  messagesPerSecondMax: ["messages", "Messages that one WebSocket sends in a second"],
  waitingBytesPerSocketMax: ["bytes", "Bytes that may wait for the reader of one WebSocket"],
  documentBytesMax: ["bytes", "Size of a GraphQL document"],
  documentTokensMax: ["tokens", "Tokens of a GraphQL document"],
  documentDepthMax: ["levels", "Levels of nested fields in a GraphQL document"],
  documentAliasesMax: ["aliases", "Aliases in a GraphQL document"],
  documentDirectivesMax: ["directives", "Directives in a GraphQL document"],
  queryCostMax: ["fields", "Fields of an answer, if all pages that its document asks for were full"],
  variablesDepthMax: ["levels", "Levels of nesting in the variables of a request"],
  bodyBytesMax: ["bytes", "Size of an HTTP body"],
  messageBytesMax: ["bytes", "Size of a WebSocket message from a client"],
  inputsPerRequestMax: ["inputs", "Inputs of one updateTasks"],
  updatesPerInputMax: ["updates", "Task updates of one input"],
  logLinesPerInputMax: ["lines", "Log lines of one input"],
  tasksPerTreeMax: ["tasks", "Tasks of one tree"],
  levelsPerTreeMax: ["levels", "Levels of one tree"],
  jobsPerDatabaseMax: ["jobs", "Jobs of one database; for one more, what ended longest ago goes", "maxJobs"],
  databasesMax: ["databases", "Databases of the server"],
  changesWaitingMax: ["changes", "Changes of one database that wait to be written"],
  pageSizeMax: ["items", "Items of one page"],
  pageSizeDefault: ["items", "Items of a page whose size is not given, never above the most"],
  nodesPerRequestMax: ["ids", "Ids of one nodes query"],
  rowsMax: ["rows", "Rows of one listProgress"],
  itemsPerAnswerMax: ["items", "Tasks, rows and log entries in one answer or event"],
  nameBytesMax: ["bytes", "Size of a name: database, user, job id"],
  descriptionBytesMax: ["bytes", "Size of a task's description"],
  messageTextBytesMax: ["bytes", "Size of a message: a log line, the reason of a failure"],
  logLinesPerJobMax: ["lines", "Log lines that are kept for a job"],
  requestIdsPerAttemptMax: ["ids", "Request ids that are remembered for an attempt"],
  removalsKeptMax: ["removals", "Removals that are kept for a database"],
} satisfies Record<keyof Limits, Bound>;

/** A limit as a setting, whose key is the limit's own name unless another is given. */
type Bound = readonly [unit: string, description: string, key?: string];

/** Every setting, the limits by their own names: first the common ones, then the limits, each in the order of the help. */
export const SETTINGS = {
  ...named(COMMON),
  ...named(mapValues(BOUNDS, limit)),
} satisfies Record<string, Setting>;

function limit([unit, description, key]: Bound, name: keyof Limits): Definition<number> & { key: string } {
  const bound = DEFAULT_LIMITS[name];
  const parser = bound === Infinity ? boundOrOff() : bounded();
  return { parser, default: boundText(bound), unit, description, key: key ?? name };
}

/** What is off where nobody is asked who they are has a bound where they are. */
function defaultLimits({ kind }: AuthSpec): Limits {
  return kind === "none" ? DEFAULT_LIMITS : DEFAULT_LIMITS_WITH_RIGHTS;
}

function withDefault(setting: Setting<number>, bound: number): Setting<number> {
  return { ...setting, default: boundText(bound) };
}

function boundText(bound: number): string {
  return bound === Infinity ? OFF : String(bound);
}

function named<D extends Record<string, Definition<unknown> & { readonly key?: string }>>(
  definitions: D,
): { [K in keyof D]: D[K] & Names } {
  const entries = Object.entries(definitions).map(([name, row]) => [
    name,
    { ...row, ...namesOf(row.key ?? name) },
  ]);
  // Safe: every key is kept, and its row has only gained the names.
  return Object.fromEntries(entries) as { [K in keyof D]: D[K] & Names };
}

function namesOf(key: string): Names {
  const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { key, flag: `--${words}`, variable: `TIDEMARK_${words.replaceAll("-", "_").toUpperCase()}` };
}

/** A value and the place where it was found. */
interface Found {
  readonly source: string;
  readonly value: unknown;
}

interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

function parse<T>(setting: Setting<T>, found: Found): T {
  const result = setting.parser.safeParse(found.value);
  if (result.success) return result.data;
  throw new ConfigError(
    found.source,
    found.value,
    result.error.issues[0]?.message ?? "expected another value",
  );
}

function lookUp(setting: Setting, sources: ConfigSources, file: ConfigFile | undefined): Found {
  return (
    givenByHand(setting, sources) ??
    givenInFile(setting, file) ?? { source: `the default of ${setting.flag}`, value: setting.default }
  );
}

function givenByHand({ key, flag, variable }: Names, { flags, env }: ConfigSources): Found | undefined {
  if (flags[key] !== undefined) return { source: `the flag ${flag}`, value: flags[key] };
  if (env[variable]) return { source: `the environment variable ${variable}`, value: env[variable] };
  return undefined;
}

function givenInFile({ key }: Names, file: ConfigFile | undefined): Found | undefined {
  if (file === undefined || !Object.hasOwn(file.values, key)) return undefined;
  return { source: `"${key}" in the file ${file.path}`, value: file.values[key] };
}

function readConfigFile(sources: ConfigSources): ConfigFile | undefined {
  const found = givenByHand(CONFIG_FILE, sources);
  if (found === undefined) return undefined;
  const path = String(found.value);
  const values = parseConfigFile(found, () => sources.readFile(path));
  const known = new Set(Object.values(SETTINGS).map(({ key }) => key));
  const stranger = Object.keys(values).find((key) => !known.has(key));
  if (stranger === undefined) return { path, values };
  throw new ConfigError(
    `a key of the file ${path}`,
    stranger,
    `expected the name of a setting${hint(stranger, "key")}`,
  );
}

function parseConfigFile(found: Found, readText: () => string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readText()));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? "it is another kind of value" : messageOf(cause);
    throw new ConfigError(found.source, found.value, `expected a file with a JSON object, but ${reason}`, {
      cause,
    });
  }
}

/** Where settings do not go together. */
const NOT_OPEN =
  "expected a loopback address such as 127.0.0.1 while everybody may do everything there (--auth none); say who may by --auth, or give --allow-open";
const NO_TERMS = "expected --jwt-issuer and --jwt-audience beside it";
const OPEN_TO_ALL = "whoever reaches this address may see and change everything (--auth none, --allow-open)";

function unknownVariables(env: ConfigSources["env"], auth: AuthSpec): string[] {
  const settings = [CONFIG_FILE, ...Object.values(SETTINGS)].map(({ variable }) => variable);
  const known = new Set<string>([...settings, ...CLIENT_VARIABLES]);
  if (auth.kind === "jwt" && auth.keys.kind === "secret-variable") known.add(auth.keys.name);
  return Object.keys(env)
    .filter((name) => name.startsWith("TIDEMARK_") && !known.has(name))
    .map(
      (name) => `the environment variable ${name} names no setting and is ignored${hint(name, "variable")}`,
    );
}

/** Names the setting that was probably meant: the same letters, or the same beginning as in "retentionMs". */
function hint(name: string, kind: keyof Names): string {
  const near = Object.values(SETTINGS)
    .map((setting) => setting[kind])
    .find((known) => haveOneBeginning(lettersOf(known), lettersOf(name)));
  return near === undefined ? "" : `, did you mean ${near}?`;
}

function haveOneBeginning(a: string, b: string): boolean {
  return a !== "" && b !== "" && (a.startsWith(b) || b.startsWith(a));
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

/** They are for who talks to a server, in the same environment perhaps. */
const CLIENT_VARIABLES = ["TIDEMARK_URL", "TIDEMARK_TOKEN", "TIDEMARK_DATABASE"];

/** A page whose size is not given is never larger than a page may be. */
function consistent(limits: Limits): Limits {
  const pageSizeDefault = Math.min(limits.pageSizeDefault, limits.pageSizeMax);
  return Object.freeze({ ...limits, pageSizeDefault });
}

function text(pattern: RegExp, error: string): z.ZodType<string> {
  return z.string({ error }).regex(pattern, { error });
}

/** Empty for none. */
function textOrNone(error: string): z.ZodType<string> {
  return z.string({ error }).transform((written) => (written === "none" ? "" : written));
}

function authSpec(): z.ZodType<AuthSpec> {
  const error =
    "expected none, tokens:FILE, or jwt: with env:VARIABLE, secret:FILE, key:FILE, jwks:FILE or an https URL";
  return z
    .string({ error })
    .transform(parseAuthSpec)
    .refine((spec) => spec !== undefined, { error })
    .transform((spec) => spec!); // so it was found
}

function algorithms(): z.ZodType<readonly string[] | undefined> {
  return z
    .string({ error: "expected names of algorithms, such as RS256,ES256" })
    .transform((written) => (written === "auto" ? undefined : written.split(",").map((name) => name.trim())));
}

function wholeNumber(min: number, max: number, error: string): z.ZodType<number> {
  return z.preprocess(numberOfDigits, z.int({ error }).min(min, { error }).max(max, { error }));
}

function numberOfDigits(value: unknown): unknown {
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
}

function bounded(): z.ZodType<number> {
  return wholeNumber(1, Number.MAX_SAFE_INTEGER, "expected a whole number above 0");
}

function isBoundOrNone(value: unknown): boolean {
  return value === Infinity || (Number.isSafeInteger(value) && Number(value) > 0);
}

/** Where nothing is bounded unless the operator says so. */
function boundOrOff(): z.ZodType<number> {
  const error = "expected a whole number above 0, or off";
  return z.preprocess(
    (value) => (value === OFF ? Infinity : numberOfDigits(value)),
    z.custom<number>(isBoundOrNone, { error }),
  );
}

/** What `read` makes of each of several texts, with commas between them; it throws for what is wrong. */
function list(read: (name: string) => string, error: string): z.ZodType<readonly string[]> {
  return z.string({ error }).transform((written, context) => {
    try {
      return written === NONE ? [] : written.split(",").map((name) => read(name.trim()));
    } catch {
      context.addIssue({ code: "custom", message: error });
      return z.NEVER;
    }
  });
}

/** An origin as browsers write it. @throws TypeError for what is none. */
function originOf(written: string): string {
  const { origin } = new URL(written);
  if (!/^https?:\/\/[^/?#@]+$/.test(written)) throw new TypeError("no origin");
  return origin;
}

/** A host name as browsers write it. @throws TypeError for what is none. */
function hostOf(written: string): string {
  const { hostname } = new URL(`http://${written}`);
  if (!/^[^/?#@:]+$/.test(written)) throw new TypeError("no host name");
  return hostname;
}

function onOrOff(): z.ZodType<boolean> {
  const words = z.stringbool({ truthy: ["on", "true"], falsy: ["off", "false"] });
  return z.union([z.boolean(), words], { error: "expected on or off" });
}

function duration(min: string, max: string): z.ZodType<number> {
  const error = `expected a duration such as 1h30m, from ${min} to ${max}`;
  return z
    .string({ error })
    .transform(durationOrIssue)
    .pipe(z.number().min(parseDuration(min), { error }).max(parseDuration(max), { error }));
}

/** Durations by database, for what has none of its own `otherwise`. */
function durations(otherwise: string): z.ZodType<DatabaseDurations> {
  const error = "expected durations such as 24h or 24h,staging-*=1h, from 0s to 3650d";
  return z.string({ error }).transform((written, context) => {
    try {
      return parseDurations(written, otherwise);
    } catch (fault) {
      context.addIssue({ code: "custom", message: `${error}, but ${messageOf(fault)}` });
      return z.NEVER;
    }
  });
}

function durationOrIssue(written: string, context: z.RefinementCtx): number {
  try {
    return parseDuration(written);
  } catch (error) {
    context.addIssue({ code: "custom", message: `expected a duration, but ${messageOf(error)}` });
    return z.NEVER;
  }
}

function mapValues<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  map: (value: A, key: K) => B,
): Record<K, B> {
  // Safe: the keys are those of the record, which has no others than its type says.
  const entries = (Object.entries(record) as [K, A][]).map(([key, value]) => [key, map(value, key)]);
  return Object.fromEntries(entries) as Record<K, B>;
}

/** What an error says, on one line; the parser of JSON quotes the lines of its text. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ");
}

/** A value for a message: short, on one line, and without the password of a URL. */
function shown(value: unknown): string {
  const json = (JSON.stringify(value) ?? String(value)).replace(/:[^:@/]+@/, ":***@");
  return json.length > 100 ? `${json.slice(0, 100)}…` : json;
}
