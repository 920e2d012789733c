import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { LIMIT_SETTINGS } from "../../src/config/limit-settings.js";
import { loadConfig } from "../../src/config/load-config.js";
import { configurationReference } from "../../src/config/reference.js";
import { SETTING_LIST, type Config } from "../../src/config/settings.js";
import { memoryMaxOfHeap } from "../../src/config/heap-share.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import type { DatabaseDurations } from "../../src/tasks/retention.js";

interface Given {
  readonly flags?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

/** Loads a config from the given sources only. */
function load({ flags = {}, env = {}, files = {} }: Given = {}): Config {
  return loadConfig({ flags, env, readFile: (path) => files[path] ?? missing(path) });
}

function missing(path: string): never {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
}

/** Loads the config from one file, found by its flag. */
function loadFile(text: string): Config {
  return load({ flags: { config: "tidemark.json" }, files: { "tidemark.json": text } });
}

/** The same duration for every database. */
function durations(otherwiseMs: number): DatabaseDurations {
  return { byPattern: [], otherwiseMs };
}

describe("a config", () => {
  it("has the documented defaults without any setting", () => {
    expect(load()).toEqual({
      host: "127.0.0.1",
      port: 4000,
      auth: { kind: "none" },
      jwt: {
        issuer: "",
        audience: "",
        algorithms: undefined,
        usernameClaim: "sub",
        roleClaim: "role",
        roles: undefined,
        databasesClaim: "databases",
        databases: undefined,
      },
      oidc: { issuer: "", clientId: "", scope: "openid profile offline_access" },
      store: "lmdb:./tidemark-data",
      postgres: { connectionsMax: 10, synchronousCommit: "server" },
      allowedOrigins: [],
      allowedHosts: [],
      allowedHeaders: [],
      publicUrl: "",
      peerUrls: [],
      trustsProxy: false,
      allowsOpenAccess: false,
      introspection: true,
      graphiql: true,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 15_000,
      compression: true,
      idleConnectionMs: 75_000,
      initTimeoutMs: 3_000,
      tracking: true,
      dashboard: true,
      demo: true,
      retention: { ended: durations(86_400_000), failed: durations(604_800_000) },
      idleMs: 3_600_000,
      engineGraceMs: 10_000,
      leaseMs: 60_000,
      lostAfterLeases: 3,
      keepAliveMs: 12_000,
      slowReaderMs: 60_000,
      bookmarkMs: 30_000,
      drainMs: 5_000,
      logLevel: "info",
      newEpoch: false,
      limits: { ...DEFAULT_LIMITS, memoryMax: memoryMaxOfHeap() },
      warnings: [],
    });
  });

  it("is frozen, including its parts", () => {
    const config = load();

    const { limits, warnings, auth, jwt, retention } = config;
    expect([config, limits, warnings, auth, jwt, retention].every(Object.isFrozen)).toBe(true);
  });

  it("prefers a flag to the environment, the environment to the file, and the file to the default", () => {
    const files = { "t.json": '{ "port": 1, "store": "lmdb:file", "lease": "1s" }' };
    const env = { TIDEMARK_CONFIG: "t.json", TIDEMARK_PORT: "2", TIDEMARK_STORE: "lmdb:environment" };

    const config = load({ flags: { port: "3" }, env, files });

    expect(config).toMatchObject({ port: 3, store: "lmdb:environment", leaseMs: 1_000, keepAliveMs: 12_000 });
  });

  it("prefers the config file of the flag to that of the environment", () => {
    const files = { a: '{ "port": 1 }', b: '{ "port": 2 }' };

    expect(load({ flags: { config: "a" }, env: { TIDEMARK_CONFIG: "b" }, files }).port).toBe(1);
  });

  it("treats an empty environment variable as absent", () => {
    expect(load({ env: { TIDEMARK_PORT: "", TIDEMARK_CONFIG: "" } }).port).toBe(4000);
  });

  it("does not check a value that another one overrides", () => {
    expect(load({ flags: { port: "1" }, env: { TIDEMARK_PORT: "wrong" } }).port).toBe(1);
  });
});

describe("the settings", () => {
  it("derive flag, variable and file key from one declaration", () => {
    expect(LIMIT_SETTINGS.documentBytesMax).toMatchObject({
      syntax: "--document-bytes-max <bytes>",
      flag: "--document-bytes-max",
      variable: "TIDEMARK_DOCUMENT_BYTES_MAX",
      key: "documentBytesMax",
    });
  });

  it("may have another flag than the name of the limit", () => {
    expect(LIMIT_SETTINGS.jobsPerDatabaseMax).toMatchObject({
      flag: "--max-jobs",
      variable: "TIDEMARK_MAX_JOBS",
      key: "maxJobs",
      default: "100000",
    });
  });

  it("have distinct flags", () => {
    expect(new Set(SETTING_LIST.map(({ flag }) => flag)).size).toBe(SETTING_LIST.length);
  });

  it("include every limit", () => {
    expect(Object.keys(LIMIT_SETTINGS)).toEqual(Object.keys(DEFAULT_LIMITS));
  });

  it("are all listed in docs/configuration.md, which is up to date", async () => {
    const page = new URL("../../docs/configuration.md", import.meta.url);

    expect(await readFile(page, "utf8")).toBe(configurationReference());
  });

  it.each(SETTING_LIST)("$flag accepts its own default", ({ key, default: value }) => {
    expect(load({ flags: { [key]: value } })).toEqual(load());
  });

  it.each([
    ["host", "::1", { host: "::1" }],
    ["port", "0", { port: 0 }],
    ["auth", "tokens:./a:b.json", { auth: { kind: "tokens", path: "./a:b.json" } }],
    ["jwtIssuer", "https://login", { jwt: { issuer: "https://login" } }],
    ["jwtAudience", "tidemark", { jwt: { audience: "tidemark" } }],
    ["jwtRoleClaim", "realm_access.roles", { jwt: { roleClaim: "realm_access.roles" } }],
    [
      "jwtRoles",
      "ops=admin, a=b=reporter,*=viewer",
      {
        jwt: {
          roles: [
            { value: "ops", target: "admin" },
            { value: "a=b", target: "reporter" },
            { value: "*", target: "viewer" },
          ],
        },
      },
    ],
    [
      "jwtDatabases",
      "film-team=Movies-*",
      { jwt: { databases: [{ value: "film-team", target: "movies-*" }] } },
    ],
    ["jwtAlgorithms", "RS256, ES256", { jwt: { algorithms: ["RS256", "ES256"] } }],
    ["allowOpen", "on", { allowsOpenAccess: true, warnings: [] }],
    ["store", "lmdb:./tidemark-data", { store: "lmdb:./tidemark-data" }],
    ["allowOrigin", "none", { allowedOrigins: [] }],
    ["peerUrls", "none", { peerUrls: [] }],
    [
      "peerUrls",
      "http://A.example:80/, https://b.example/tidemark/",
      { peerUrls: ["http://a.example", "https://b.example/tidemark"] },
    ],
    [
      "allowOrigin",
      "https://A.example, http://b.example:80,http://[::1]:4000",
      { allowedOrigins: ["https://a.example", "http://b.example", "http://[::1]:4000"] },
    ],
    [
      "allowOrigin",
      "https://*.Example,http://*.b.example:8080,https://*.c.example:443",
      { allowedOrigins: ["https://*.example", "http://*.b.example:8080", "https://*.c.example"] },
    ],
    [
      "allowOrigin",
      "tauri://localhost,capacitor://localhost,ionic://localhost,app://-,chrome-extension://abcdefghijklmnop",
      {
        allowedOrigins: [
          "tauri://localhost",
          "capacitor://localhost",
          "ionic://localhost",
          "app://-",
          "chrome-extension://abcdefghijklmnop",
        ],
      },
    ],
    [
      "allowOrigin",
      "https://B\u00fccher.example.,http://[0:0::1]:80,https://127.1",
      { allowedOrigins: ["https://xn--bcher-kva.example", "http://[::1]", "https://127.0.0.1"] },
    ],
    ["allowHost", "A.example, b", { allowedHosts: ["a.example", "b"] }],
    [
      "allowHost",
      "*.A.example,b:8443,*.c:80,d.example.",
      { allowedHosts: ["*.a.example", "b:8443", "*.c:80", "d.example"] },
    ],
    ["allowHeader", "none", { allowedHeaders: [] }],
    ["allowHeader", "X-Request-ID, x-b3-traceid", { allowedHeaders: ["X-Request-ID", "x-b3-traceid"] }],
    ["trustProxy", "on", { trustsProxy: true }],
    ["compression", "off", { compression: false }],
    ["introspection", "off", { introspection: false }],
    ["graphiql", "off", { graphiql: false }],
    ["headersTimeout", "1s", { headersTimeoutMs: 1_000 }],
    ["requestTimeout", "1s", { requestTimeoutMs: 1_000 }],
    ["idleConnection", "2m", { idleConnectionMs: 120_000 }],
    ["initTimeout", "1s", { initTimeoutMs: 1_000 }],
    ["tracking", "off", { tracking: false }],
    ["retention", "1h30m", { retention: { ended: durations(5_400_000) } }],
    ["retention", "0s", { retention: { ended: durations(0), failed: durations(604_800_000) } }],
    [
      "retention",
      "1h,Staging-*=1s",
      { retention: { ended: { byPattern: [{ pattern: "staging-*", ms: 1_000 }], otherwiseMs: 3_600_000 } } },
    ],
    ["retention", "a=1s", { retention: { ended: { otherwiseMs: 86_400_000 } } }],
    ["retentionFailed", "1s", { retention: { ended: durations(86_400_000), failed: durations(1_000) } }],
    ["retentionFailed", "a=1s", { retention: { failed: { otherwiseMs: 604_800_000 } } }],
    ["idle", "5m", { idleMs: 300_000 }],
    ["lease", "500ms", { leaseMs: 500 }],
    ["lostAfter", "5", { lostAfterLeases: 5 }],
    ["keepAlive", "2s", { keepAliveMs: 2_000 }],
    ["slowReader", "10s", { slowReaderMs: 10_000 }],
    ["bookmark", "5s", { bookmarkMs: 5_000 }],
    ["drain", "0s", { drainMs: 0 }],
    ["engineGrace", "1m", { engineGraceMs: 60_000 }],
    ["logLevel", "silent", { logLevel: "silent" }],
    ["newEpoch", true, { newEpoch: true }],
    ["databasesMax", "7", { limits: { databasesMax: 7 } }],
    ["maxJobs", "7", { limits: { jobsPerDatabaseMax: 7 } }],
    ["connectionsPerAddressMax", "off", { limits: { connectionsPerAddressMax: Infinity } }],
    ["connectionsPerAddressMax", "7", { limits: { connectionsPerAddressMax: 7 } }],
  ])("accept %s = %s", (key, value, expected) => {
    expect(load({ flags: { [key]: value } })).toMatchObject(expected);
  });

  it.each([
    ["host", "http://localhost", "expected an address or a host name"],
    ["port", "80a", "expected a whole number from 0 to 65535"],
    ["port", "65536", "expected a whole number from 0 to 65535"],
    ["port", "-1", "expected a whole number from 0 to 65535"],
    ["auth", "tokens", "expected none, tokens:FILE, jwt:env:VARIABLE"],
    ["auth", "jwt:hunter2", "expected none, tokens:FILE, jwt:env:VARIABLE"],
    ["auth", "jwt:http://keys.example.com", "expected none, tokens:FILE, jwt:env:VARIABLE"],
    ["auth", "jwt:env:JWT_SECRET", "expected --jwt-issuer and --jwt-audience with it"],
    ["auth", "oidc", "expected --oidc-issuer and --oidc-client-id with it. Set both."],
    ["oidcClientId", "tidemark", "expected --oidc-issuer with it. Set both."],
    ["oidcIssuer", "https://login.example", "expected --oidc-client-id with it. Set both."],
    ["oidcIssuer", "http://login.example", "expected the https address of an OpenID provider"],
    ["oidcScope", "profile", "expected openid and other scopes"],
    ["jwtRoles", "ops", "expected values and roles such as ops=admin,dev=reporter,*=viewer, or none"],
    ["jwtRoles", "ops=root", 'but "root" is not one of the roles viewer, reporter, admin'],
    ["jwtDatabases", "ops=", "a database pattern must not be empty"],
    ["host", "0.0.0.0", "expected a loopback address such as 127.0.0.1, because with --auth none"],
    ["store", "./data", "expected memory:, lmdb:FOLDER or postgres://USER@HOST/DATABASE"],
    ["store", "lmdb:", "expected memory:, lmdb:FOLDER or postgres://USER@HOST/DATABASE"],
    ["store", "postgre://u@h/d", "expected memory:, lmdb:FOLDER or postgres://USER@HOST/DATABASE"],
    ["store", "memory:x", "expected memory:, lmdb:FOLDER or postgres://USER@HOST/DATABASE"],
    ["allowOrigin", "*", "expected origins such as https://tidemark.example"],
    ["allowOrigin", "null", "expected origins such as https://tidemark.example"],
    ["allowOrigin", "https://a.example/", "expected origins such as https://tidemark.example"],
    ["allowOrigin", "https://a.example/path", "expected origins such as https://tidemark.example"],
    ["allowOrigin", "file:///a", "expected origins such as https://tidemark.example"],
    ["allowOrigin", "https://a.example,", "expected origins such as https://tidemark.example"],
    ["allowHost", "http://a.example", "expected host names such as tidemark.example"],
    ["headersTimeout", "0s", "expected a duration such as 1h30m, from 1ms to 1h"],
    ["idleConnection", "0s", "expected a duration such as 1h30m, from 1ms to 24h"],
    ["connectionsPerAddressMax", "0", "expected a whole number above 0, or off"],
    ["connectionsPerAddressMax", "none", "expected a whole number above 0, or off"],
    ["databasesMax", "off", "expected a whole number above 0"],
    ["tracking", "maybe", "expected on or off"],
    ["retention", "24", 'but "24" has no unit: write 24s, 24m or 24h'],
    ["retention", "4000d", 'but "4000d" is longer than 3650d'],
    ["retention", "neo4j", "expected durations such as 24h or 24h,staging-*=1h, from 0s to 3650d, but"],
    ["retentionFailed", "1h,2h", "but only one duration may have no pattern"],
    ["idle", "0s", "expected a duration such as 1h30m, from 1s to 3650d"],
    ["maxJobs", "0", "expected a whole number above 0"],
    ["lease", "0s", "expected a duration such as 1h30m, from 1ms to 7d"],
    ["lease", "8d", "expected a duration such as 1h30m, from 1ms to 7d"],
    ["lostAfter", "0", "expected a whole number from 1 to 1000"],
    ["lostAfter", "1.5", "expected a whole number from 1 to 1000"],
    ["keepAlive", "25d", "expected a duration such as 1h30m, from 1ms to 24d"],
    ["slowReader", "0s", "expected a duration such as 1h30m, from 1ms to 24d"],
    ["bookmark", "0s", "expected a duration such as 1h30m, from 1ms to 24d"],
    ["logLevel", "loud", "expected one of fatal, error, warn, info, debug, trace, silent"],
    ["databasesMax", "0", "expected a whole number above 0"],
    ["databasesMax", "1.5", "expected a whole number above 0"],
    ["databasesMax", "9007199254740992", "expected a whole number above 0"],
  ])("reject %s = %s", (key, value, expected) => {
    expect(() => load({ flags: { [key]: value } })).toThrow(expected);
  });

  it.each([
    "https://*",
    "https://*.",
    "https://*..example",
    "*.example",
    "*://a.example",
    "https://a.*.example",
    "https://*.*.example",
    "https://a*.example",
    "https://*a.example",
    "https://a.example:*",
    "https://%2a.example",
    "https://*.127.0.0.1",
    "https://*.[::1]",
    "app://*.example",
    "chrome-extension://*",
    "wss://a.example",
    "file://a",
    "https://user@a.example",
    "https://a.example:99999",
  ])("reject an origin that no page can have, and wildcards that are unsafe: %s", (value) => {
    expect(() => load({ flags: { allowOrigin: value } })).toThrow(
      "expected origins such as https://tidemark.example, https://*.example,",
    );
  });

  it.each([
    "*",
    "*.",
    "*.:80",
    "a.*",
    "*a.example",
    "*.*.example",
    "*.127.0.0.1",
    "a.example:*",
    "a.example/x",
  ])("reject a host that no request can have, and unsafe wildcards: %s", (value) => {
    expect(() => load({ flags: { allowHost: value } })).toThrow(
      "expected host names such as tidemark.example, tidemark.example:8443 or *.example,",
    );
  });

  it.each([
    "*",
    "",
    "X-A,",
    "a b",
    "a:b",
    "a\r\nb",
    "Cookie",
    "Host",
    "Sec-Fetch-Site",
    "Proxy-Authorization",
    "X-Forwarded-For",
    "Forwarded",
    "x-http-method-override",
  ])("reject a header that is invalid, or that a page must not set: %j", (value) => {
    expect(() => load({ flags: { allowHeader: value } })).toThrow(
      "expected names of request headers such as X-Request-ID,",
    );
  });

  it("accept the origin null by its name, on a server that authenticates its clients", () => {
    const { allowedOrigins } = load({ flags: { allowOrigin: "null", auth: "tokens:./tokens.json" } });

    expect(allowedOrigins).toEqual(["null"]);
  });

  it("limit each user on a server with authentication, unless set otherwise", () => {
    const flags = { auth: "tokens:./tokens.json", mutationsPerSecondMax: "off", operationsPerSecondMax: "7" };

    expect(load({ flags }).limits).toEqual({
      ...DEFAULT_LIMITS,
      memoryMax: memoryMaxOfHeap(),
      connectionsPerAddressMax: 5_000,
      connectionsPerUserMax: 5_000,
      subscriptionsPerUserMax: 10_000,
      messagesPerSecondMax: 1_000,
      mutationsPerSecondMax: Infinity,
      operationsPerSecondMax: 7,
    });
  });

  it("lower the default page size with the maximum page size", () => {
    expect(load({ flags: { pageSizeMax: "20" } }).limits.pageSizeDefault).toBe(20);
  });
});

describe("an invalid value", () => {
  it("of a flag is reported with the flag, the value and the rule", () => {
    expect(() => load({ flags: { tracking: "maybe" } })).toThrow(
      new ConfigError("--tracking", "maybe", "expected on or off"),
    );
  });

  it("of the environment is reported with its variable", () => {
    expect(() => load({ env: { TIDEMARK_TRACKING: "maybe" } })).toThrow(
      'Invalid TIDEMARK_TRACKING "maybe": expected on or off.',
    );
  });

  it("of the file is reported with its key and file", () => {
    expect(() => loadFile('{ "tracking": null }')).toThrow(
      'Invalid "tracking" null in tidemark.json: expected on or off.',
    );
  });

  it("is printed without the password of a URL", () => {
    expect(() => load({ flags: { store: "redis//user:secret@host" } })).toThrow('"redis//user:***@host"');
  });

  it("is shortened", () => {
    expect(() => load({ flags: { host: "x".repeat(10_000) } })).toThrow(/^.{1,250}$/);
  });
});

describe("a config file", () => {
  it("may contain JSON numbers and booleans", () => {
    const config = loadFile(
      '{ "port": 0, "tracking": false, "newEpoch": true, "rowsMax": 5, "retention": "7d" }',
    );

    expect(config).toMatchObject({ port: 0, tracking: false, newEpoch: true, limits: { rowsMax: 5 } });
  });

  it("uses the key of the setting, not the name of the limit", () => {
    expect(loadFile('{ "maxJobs": 5 }').limits.jobsPerDatabaseMax).toBe(5);
    expect(() => loadFile('{ "jobsPerDatabaseMax": 5 }')).toThrow("expected the name of a setting");
  });

  it("may contain a list of durations by database", () => {
    const { retention } = loadFile('{ "retention": "a=1s" }');

    expect(retention.ended.byPattern).toEqual([{ pattern: "a", ms: 1_000 }]);
  });

  it("may contain values in the format of the flags", () => {
    expect(loadFile('{ "port": "0", "tracking": "off" }')).toMatchObject({ port: 0, tracking: false });
  });

  it("rejects a duration without a unit", () => {
    expect(() => loadFile('{ "lease": 24 }')).toThrow("expected a duration such as 1h30m, from 1ms to 7d");
    expect(() => loadFile('{ "retention": 24 }')).toThrow("expected durations such as 24h or");
  });

  it.each([
    ["retentionMs", "retention"],
    ["log-level", "logLevel"],
    ["Port", "port"],
    ["document", "documentBytesMax"],
  ])("with the unknown key %s is rejected with the suggestion %s", (key, near) => {
    expect(() => loadFile(`{ "${key}": 1 }`)).toThrow(
      `Invalid key "${key}" in tidemark.json: expected the name of a setting. Did you mean ${near}?`,
    );
  });

  it.each(["colour", "constructor", "toString", "1"])(
    "with the unknown key %s is rejected without a suggestion",
    (key) => {
      expect(() => loadFile(`{ "${key}": 1 }`)).toThrow(
        new ConfigError("key", key, "expected the name of a setting", { file: "tidemark.json" }),
      );
    },
  );

  it("that cannot be read is rejected with the reason", () => {
    expect(() => load({ env: { TIDEMARK_CONFIG: "none.json" } })).toThrow(
      'Invalid TIDEMARK_CONFIG "none.json": expected a file with a JSON object, but ENOENT',
    );
  });

  it.each(["{", "", "[]", '"text"', "null"])("with the content %j is rejected", (text) => {
    expect(() => loadFile(text)).toThrow(
      'Invalid --config "tidemark.json": expected a file with a JSON object',
    );
  });
});

describe("a ConfigError", () => {
  it("has a message of one line for any content of the file", () => {
    expect(() => loadFile("{\n  port: 5,\n}")).toThrow(/^.+$/);
  });
});

describe("an environment variable that begins with TIDEMARK_", () => {
  it("causes a warning if it is not a setting", () => {
    const { warnings } = load({ env: { TIDEMARK_COLOUR: "blue", TIDEMARK_RETENTION_MS: "5", PATH: "/bin" } });

    expect(warnings).toEqual([
      "Ignoring the unknown environment variable TIDEMARK_COLOUR.",
      "Ignoring the unknown environment variable TIDEMARK_RETENTION_MS. Did you mean TIDEMARK_RETENTION?",
    ]);
  });

  it("causes no warning if it is a setting or the config file", () => {
    const files = { "t.json": "{}" };

    expect(load({ env: { TIDEMARK_CONFIG: "t.json", TIDEMARK_PORT: "1" }, files }).warnings).toEqual([]);
  });

  it("causes no warning if it is a variable of clients", () => {
    const env = { TIDEMARK_URL: "http://host:4000", TIDEMARK_TOKEN: "t", TIDEMARK_DATABASE: "demo" };

    expect(load({ env }).warnings).toEqual([]);
  });
});

describe("a server without authentication", () => {
  it.each(["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])("may listen on %s", (host) => {
    expect(load({ flags: { host } })).toMatchObject({ host, warnings: [] });
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com"])(
    "may listen on %s only with --allow-open, and then warns",
    (host) => {
      expect(() => load({ flags: { host } })).toThrow("--allow-open");
      expect(load({ flags: { host, allowOpen: true } }).warnings).toEqual([
        expect.stringContaining("may see and change everything"),
      ]);
    },
  );

  it("is the only kind of server that needs --allow-open", () => {
    const config = load({ flags: { host: "0.0.0.0", auth: "tokens:./tokens.json" } });

    expect(config).toMatchObject({ host: "0.0.0.0", warnings: [] });
  });
});

describe("JSON Web Tokens", () => {
  const terms = { jwtIssuer: "us", jwtAudience: "tidemark" };

  it.each([
    ["jwt:env:JWT_SECRET", { kind: "secret-variable", name: "JWT_SECRET" }],
    ["jwt:secret:./secret", { kind: "secret-file", path: "./secret" }],
    ["jwt:key:./key.pem", { kind: "key-file", path: "./key.pem" }],
    ["jwt:jwks:./jwks.json", { kind: "jwks-file", path: "./jwks.json" }],
    ["jwt:https://login/jwks", { kind: "jwks-url", url: "https://login/jwks" }],
    ["jwt:http://127.0.0.1:1/jwks", { kind: "jwks-url", url: "http://127.0.0.1:1/jwks" }],
  ])("are verified with the keys of %s", (auth, keys) => {
    expect(load({ flags: { auth, ...terms } }).auth).toEqual({ kind: "jwt", keys });
  });

  it("may have their secret in a variable with the prefix of settings", () => {
    const env = { TIDEMARK_JWT_SECRET: "secret" };

    expect(load({ env, flags: { auth: "jwt:env:TIDEMARK_JWT_SECRET", ...terms } }).warnings).toEqual([]);
    expect(load({ env }).warnings).toHaveLength(1);
  });
});

describe("an OpenID provider", () => {
  const provider = { oidcIssuer: "https://login.example", oidcClientId: "tidemark" };

  it("implies --auth oidc, with the default limits of a server that authenticates its clients", () => {
    const config = load({ flags: { ...provider, host: "0.0.0.0" } });

    expect(config).toMatchObject({ auth: { kind: "oidc" }, warnings: [] });
    expect(config.limits.mutationsPerSecondMax).toBeLessThan(Infinity);
  });

  it("can be combined with a file of tokens for programs", () => {
    const config = load({ flags: { ...provider, auth: "tokens:./tokens.json" } });

    expect(config.auth).toEqual({ kind: "tokens", path: "./tokens.json" });
  });

  it.each([
    [{ auth: "none" }, "expected oidc or tokens:FILE with --oidc-issuer"],
    [{ auth: "jwt:key:./key.pem" }, "expected oidc or tokens:FILE with --oidc-issuer"],
    [{ jwtIssuer: "https://other.example" }, "expected none with --oidc-issuer, which is the only issuer"],
  ])("contradicts %j", (flags, message) => {
    expect(() => load({ flags: { ...provider, ...flags } })).toThrow(message);
  });
});
