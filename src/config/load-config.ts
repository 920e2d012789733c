/**
 * Finds and checks the settings of a server. A flag takes precedence over its environment variable, the variable over
 * the config file, and the file over the default. A value that another one overrides is not checked.
 *
 *     loadConfig({ flags: { lease: "5m" }, env: process.env, readFile })   // { leaseMs: 300000, … }
 */
import { z } from "zod";
import { isLoopback, type AuthSpec } from "../auth/auth-spec.js";
import type { Limits } from "../protocol/limits.js";
import { brokenAuthRule } from "./auth-rules.js";
import { ConfigError } from "./config-error.js";
import { brokenRule } from "./limit-rules.js";
import { messageOf } from "./parsers.js";
import type { Setting, SettingNames } from "./setting.js";
import { NULL_ORIGIN } from "./web-parsers.js";
import { CONFIG_FILE, isSetting, SETTING_LIST, SETTINGS, type Config, type Values } from "./settings.js";

/** Where settings are looked up. */
export interface ConfigSources {
  /** The flags by their names in camel case, as commander parses them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The environment. An empty variable counts as absent. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the config file as text, at most once. Throws if the file cannot be read. */
  readonly readFile: (path: string) => string;
}

/**
 * Loads the config. It is pure except for `readFile`.
 * @throws ConfigError at the first invalid value
 */
export function loadConfig(sources: ConfigSources): Config {
  const file = readConfigFile(sources);
  const find = (setting: Setting): Found => findValue(setting, sources, file);
  const usesProvider = parse(SETTINGS.oidc.issuer, find(SETTINGS.oidc.issuer)) !== "";
  const authSetting = usesProvider ? { ...SETTINGS.auth, default: "oidc" } : SETTINGS.auth;
  const hasAuth = parse(authSetting, find(authSetting)).kind !== "none";
  const values = readValues(SETTINGS, (setting) => {
    if (setting === SETTINGS.auth) return parse(authSetting, find(authSetting));
    const byDefault = (hasAuth && setting.defaultWithAuth) || setting.default;
    return parse(setting, find({ ...setting, default: byDefault }));
  });
  const { host, allowedOrigins, auth, allowsOpenAccess, limits } = values;
  const broken = brokenAuthRule(values);
  if (broken) throw invalid(find(broken.blamed), broken.expected);
  const isExposed = !hasAuth && !isLoopback(host);
  if (isExposed && !allowsOpenAccess) throw invalid(find(SETTINGS.host), NOT_OPEN);
  if (!hasAuth && allowedOrigins.includes(NULL_ORIGIN)) throw invalid(find(SETTINGS.allowedOrigins), NO_NULL);
  checkLimits(limits, find);
  return Object.freeze({
    ...values,
    limits: Object.freeze({
      ...limits,
      pageSizeDefault: Math.min(limits.pageSizeDefault, limits.pageSizeMax),
    }),
    warnings: Object.freeze([...(isExposed ? [OPEN_TO_ALL] : []), ...unknownVariables(sources.env, auth)]),
  });
}

/** @throws ConfigError if limits contradict each other. Blames one that is set over one that has its default. */
function checkLimits(limits: Limits, find: (setting: Setting) => Found): void {
  const isSet = (name: keyof Limits): boolean => find(SETTINGS.limits[name]).isSet;
  const shown = (name: keyof Limits): string => `${SETTINGS.limits[name].flag} ${limits[name]}`;
  const { pageSizeDefault, pageSizeMax } = limits;
  if (pageSizeDefault > pageSizeMax && isSet("pageSizeDefault") && isSet("pageSizeMax")) {
    const expected = `expected at most ${pageSizeMax} with ${shown("pageSizeMax")}. Lower it, or raise --page-size-max.`;
    throw invalid(find(SETTINGS.limits.pageSizeDefault), expected);
  }
  const rule = brokenRule(limits);
  if (!rule) return;
  const { limit, of, reason } = rule;
  const least = rule.least(limits);
  const blamed = [limit, ...of].find(isSet) ?? limit;
  const others = of.length > 0 ? ` with ${of.map(shown).join(" and ")}` : "";
  const lower =
    of.length > 0 ? `, or lower ${of.map((name) => SETTINGS.limits[name].flag).join(" or ")}` : "";
  const { flag } = SETTINGS.limits[limit];
  const rest = `${others}, because ${reason}. Raise ${blamed === limit ? "it" : flag}${lower}.`;
  const expected =
    blamed === limit
      ? `expected at least ${least}${rest}`
      : `expected ${flag} of at least ${least}, not ${limits[limit]},${rest}`;
  throw invalid(find(SETTINGS.limits[blamed]), expected);
}

const NOT_OPEN =
  "expected a loopback address such as 127.0.0.1, because with --auth none every client may do everything. Set --auth, or give --allow-open.";
const NO_NULL =
  "expected origins such as https://tidemark.example, because the pages of every site can send the origin null. Set --auth, or remove null.";
const OPEN_TO_ALL =
  "Everyone who can reach this address may see and change everything (--auth none, --allow-open).";

/** The value of a setting, and its source for error messages. */
interface Found {
  readonly source: string;
  readonly value: unknown;
  /** Whether the value is not the default. */
  readonly isSet: boolean;
  /** The config file, if the value is from there. */
  readonly file?: string;
}

interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

function readValues<S extends object>(settings: S, read: (setting: Setting) => unknown): Values<S> {
  const entries = Object.entries(settings).map(([property, entry]: [string, object]) => [
    property,
    isSetting(entry) ? read(entry) : readValues(entry, read),
  ]);
  // Safe: each property has the value that its own setting parsed.
  return Object.freeze(Object.fromEntries(entries)) as Values<S>;
}

function parse<T>(setting: Setting<T>, found: Found): T {
  const result = setting.parser.safeParse(found.value);
  if (result.success) return result.data;
  throw invalid(found, result.error.issues[0]?.message ?? "expected another value");
}

function invalid({ source, value, file }: Found, expected: string, cause?: unknown): ConfigError {
  return new ConfigError(source, value, expected, { file, cause });
}

function findValue(setting: Setting, sources: ConfigSources, file: ConfigFile | undefined): Found {
  const { key, flag } = setting;
  const given = findFlagOrVariable(setting, sources);
  if (given) return given;
  if (file && Object.hasOwn(file.values, key))
    return { source: `"${key}"`, value: file.values[key], isSet: true, file: file.path };
  return { source: `default of ${flag}`, value: setting.default, isSet: false };
}

function findFlagOrVariable(
  { key, flag, variable }: SettingNames,
  { flags, env }: ConfigSources,
): Found | undefined {
  if (flags[key] !== undefined) return { source: flag, value: flags[key], isSet: true };
  return env[variable] ? { source: variable, value: env[variable], isSet: true } : undefined;
}

function readConfigFile(sources: ConfigSources): ConfigFile | undefined {
  const found = findFlagOrVariable(CONFIG_FILE, sources);
  if (found === undefined) return undefined;
  const path = String(found.value);
  const values = parseConfigFile(found, () => sources.readFile(path));
  const keys = new Set(SETTING_LIST.map(({ key }) => key));
  const unknown = Object.keys(values).find((key) => !keys.has(key));
  if (unknown === undefined) return { path, values };
  const expected = `expected the name of a setting${suggestion(unknown, "key")}`;
  throw invalid({ source: "key", value: unknown, isSet: true, file: path }, expected);
}

function parseConfigFile(found: Found, readText: () => string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readText()));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? "it contains another kind of value" : messageOf(cause);
    throw invalid(found, `expected a file with a JSON object, but ${reason}`, cause);
  }
}

/** Clients read these; a server may share their environment. */
const CLIENT_VARIABLES = ["TIDEMARK_URL", "TIDEMARK_TOKEN", "TIDEMARK_DATABASE"];

function unknownVariables(env: ConfigSources["env"], auth: AuthSpec): string[] {
  const settings = [CONFIG_FILE, ...SETTING_LIST].map(({ variable }) => variable);
  const known = new Set([...settings, ...CLIENT_VARIABLES]);
  if (auth.kind === "jwt" && auth.keys.kind === "secret-variable") known.add(auth.keys.name);
  return Object.keys(env)
    .filter((name) => name.startsWith("TIDEMARK_") && !known.has(name))
    .map((name) => `Ignoring the unknown environment variable ${name}${suggestion(name, "variable") || "."}`);
}

/** Suggests the setting with the same letters, or with the same beginning as in "retentionMs". */
function suggestion(name: string, kind: keyof SettingNames): string {
  const near = SETTING_LIST.map((setting) => setting[kind]).find((known) =>
    isEitherPrefix(lettersOf(known), lettersOf(name)),
  );
  return near === undefined ? "" : `. Did you mean ${near}?`;
}

function isEitherPrefix(a: string, b: string): boolean {
  return a !== "" && b !== "" && (a.startsWith(b) || b.startsWith(a));
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}
