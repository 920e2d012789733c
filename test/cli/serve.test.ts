import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../../src/cli/exit-codes.js";
import { createProgram, failureMessageOf } from "../../src/cli/program.js";
import { NO_ACTIONS } from "../kit/process/cli-actions.js";
import { ConfigError } from "../../src/config/config-error.js";
import { loadConfig } from "../../src/config/load-config.js";
import { type Config, SETTING_LIST } from "../../src/config/settings.js";

interface Run {
  /** The configs that the server received. */
  readonly served: readonly Config[];
  /** The output on both streams. */
  readonly printed: string;
  /** The error that parsing rejected with. */
  readonly failure: unknown;
}

/** Runs the program with these arguments and this environment, on a terminal wide enough for any line. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const served: Config[] = [];
  const printed: string[] = [];
  const print = (text: string): void => void printed.push(text);
  const serve = async (config: Config): Promise<void> => void served.push(config);
  const program = createProgram({ ...NO_ACTIONS, serve }, { env, readFile: () => FILE, print });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeOut: print, writeErr: print, getOutHelpWidth: () => 500 });
  }
  const failure = await rejectionOf(program.parseAsync(args, { from: "user" }));
  return { served, printed: printed.join(""), failure };
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const FILE = '{ "logLevel": "warn" }';

const DEFAULTS = loadConfig({ flags: {}, env: {}, readFile: () => FILE });

describe("the help of tidemark serve", () => {
  it.each(SETTING_LIST)("describes $flag with its meaning, default and variable", async (setting) => {
    const { printed } = await run(["serve", "--help"]);

    expect(printed).toContain(`  ${setting.flag} `);
    expect(printed).toContain(`  ${setting.help} (default ${setting.default}, env ${setting.variable})\n`);
  });

  it("puts each group of settings under its heading, and examples last", async () => {
    const { printed } = await run(["serve", "--help"]);

    expect(printed).toMatch(
      /Options:\n.*--config <file>.*Storage:\n.*--new-epoch .*Limits:\n.*--rows-max.*Examples:\n/s,
    );
  });

  it("exits with 0 and starts no server", async () => {
    const { served, failure } = await run(["serve", "--help"]);

    expect(served).toEqual([]);
    expect([exitCodeOf(failure), failureMessageOf(failure)]).toEqual([0, undefined]);
  });
});

describe("tidemark serve", () => {
  it("serves the defaults if no setting is given", async () => {
    expect((await run(["serve"])).served).toEqual([DEFAULTS]);
  });

  it("is the default command", async () => {
    expect((await run(["--port", "0"])).served).toEqual([{ ...DEFAULTS, port: 0 }]);
  });

  it("serves the settings of its flags", async () => {
    const flags = ["--host", "::1", "--tracking", "off", "--retention=7d", "--new-epoch", "--rows-max", "5"];

    const { served } = await run(["serve", ...flags]);

    const limits = { ...DEFAULTS.limits, rowsMax: 5 };
    const retention = { ...DEFAULTS.retention, ended: { byPattern: [], otherwiseMs: 604_800_000 } };
    expect(served).toEqual([
      { ...DEFAULTS, host: "::1", tracking: false, retention, newEpoch: true, limits },
    ]);
  });

  it("reads the environment and the config file for settings without a flag", async () => {
    const { served } = await run(["serve", "--port", "1", "--config", "tidemark.json"], {
      TIDEMARK_PORT: "2",
      TIDEMARK_LEASE: "5s",
    });

    expect(served).toEqual([{ ...DEFAULTS, port: 1, leaseMs: 5_000, logLevel: "warn" }]);
  });

  it("rejects an invalid value with a ConfigError that names the flag and the value", async () => {
    const { served, failure } = await run(["serve", "--port", "80a"]);

    expect(served).toEqual([]);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(failure).toMatchObject({ source: "--port", value: "80a" });
  });

  it("rejects with the error of the server", async () => {
    const broken = new Error("the port is taken");
    const serve = (): Promise<void> => Promise.reject(broken);
    const program = createProgram({ ...NO_ACTIONS, serve }, { env: {}, readFile: () => FILE, print() {} });

    await expect(program.parseAsync(["serve"], { from: "user" })).rejects.toBe(broken);
  });
});

describe("tidemark", () => {
  it("prints the version of its package", async () => {
    const { printed, failure } = await run(["--version"]);

    expect(printed).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(exitCodeOf(failure)).toBe(0);
  });

  it("shows a default as a flag value", async () => {
    expect((await run(["share", "--help"])).printed).toContain(
      "How long the link is valid, from 1m to 30d (default: 24h)",
    );
  });

  it.each([
    [["--port", "80a"], 'tidemark: Invalid --port "80a": expected a whole number from 0 to 65535.'],
    [["--prot", "80"], "tidemark: unknown option '--prot' (Did you mean --port?)"],
    [
      ["--data", "./data"],
      "tidemark: unknown option '--data'. See tidemark COMMAND --help, or tidemark serve --help",
    ],
    [["--port"], "tidemark: option '--port <port>' argument missing"],
    [["lsit"], "tidemark: unknown command 'lsit' (Did you mean list?)"],
    [["wacth", "--json", "x"], "tidemark: unknown command 'wacth' (Did you mean watch?)"],
    [["token", "lsit"], "tidemark: unknown command 'lsit' (Did you mean list?)"],
    [["serve", "now"], "tidemark: too many arguments for 'serve'. Expected 0 arguments but got 1."],
  ])("rejects the arguments %j with one line and the exit code 2", async (args, line) => {
    const { printed, failure } = await run(args);

    expect(printed).toBe("");
    expect([exitCodeOf(failure), failureMessageOf(failure)]).toEqual([2, line]);
  });

  it("answers an unknown help topic with the help alone and the exit code 2", async () => {
    const { printed, failure } = await run(["help", "nothing"]);

    expect(printed).toContain("Usage: tidemark");
    expect(failure).toBeInstanceOf(CommanderError);
    expect([exitCodeOf(failure), failureMessageOf(failure)]).toEqual([2, undefined]);
  });

  it("ends with the exit code 1 and one line when the server fails", () => {
    const failure = new Error("the port is taken\n  by another");

    expect([exitCodeOf(failure), failureMessageOf(failure)]).toEqual([
      1,
      "tidemark: the port is taken by another",
    ]);
  });
});
