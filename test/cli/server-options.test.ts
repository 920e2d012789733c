import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addDatabaseOptions,
  resolveDatabase,
  resolveServer,
  type DatabaseFlags,
} from "../../src/cli/server-options.js";
import { ConfigError } from "../../src/config/config-error.js";

const DEFAULTS = { url: "http://127.0.0.1:4000", database: "default" };

describe("the options of a command that talks to a server", () => {
  it("are read from its flags", () => {
    const command = addDatabaseOptions(new Command("list")).parse(
      ["--url", "http://host:1", "--token", "secret", "--database", "demo"],
      { from: "user" },
    );

    expect(resolveDatabase(command.opts<DatabaseFlags>(), {})).toEqual({
      url: "http://host:1",
      urlSource: "--url",
      token: "secret",
      tokenSource: "--token",
      database: "demo",
    });
  });

  it("include --db, a short name of --database", () => {
    const command = addDatabaseOptions(new Command("list")).parse(["--db", "movies"], { from: "user" });

    expect(resolveDatabase(command.opts<DatabaseFlags>(), {})).toEqual({ ...DEFAULTS, database: "movies" });
  });

  it("are read from the environment if there is no flag", () => {
    const env = { TIDEMARK_URL: "https://host", TIDEMARK_TOKEN: "secret", TIDEMARK_DATABASE: "demo" };

    expect(resolveDatabase({}, env)).toEqual({
      url: "https://host",
      urlSource: "TIDEMARK_URL",
      token: "secret",
      tokenSource: "TIDEMARK_TOKEN",
      database: "demo",
    });
    expect(resolveDatabase({ url: "http://flag", token: "f", database: "f" }, env)).toMatchObject({
      url: "http://flag",
      token: "f",
      database: "f",
    });
  });

  it("have defaults, even if a variable is empty", () => {
    expect(resolveDatabase({}, {})).toEqual(DEFAULTS);
    expect(resolveDatabase({}, { TIDEMARK_URL: "", TIDEMARK_TOKEN: "", TIDEMARK_DATABASE: "" })).toEqual(
      DEFAULTS,
    );
  });

  it.each([
    ["127.0.0.1:40269", "http://127.0.0.1:40269"],
    ["localhost:4000", "http://localhost:4000"],
    ["[::1]:4000/tidemark", "http://[::1]:4000/tidemark"],
  ])("takes an address of this machine without a scheme as http: %s", (text, url) => {
    expect(resolveDatabase({ url: text }, {})).toMatchObject({ url });
  });

  it("include several addresses, each once", () => {
    const url = "http://a:1/, localhost:4000,https://b/prefix,http://a:1";

    expect(resolveDatabase({ url }, {})).toMatchObject({
      url: "http://a:1,http://localhost:4000,https://b/prefix",
    });
  });

  it.each([
    [{ url: "http://a,host:4000" }, {}, 'Invalid --url "host:4000"'],
    [{ url: "host:4000" }, {}, "--url"],
    [{}, { TIDEMARK_URL: "localhost" }, "TIDEMARK_URL"],
    [{ url: "" }, {}, "--url"],
  ])("reject an invalid address: %j %j", (flags, env, source) => {
    expect(() => resolveServer(flags, env)).toThrow(ConfigError);
    expect(() => resolveServer(flags, env)).toThrow(source);
  });
});
