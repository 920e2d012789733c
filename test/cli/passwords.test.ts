/** A password in the URL of a store is printed by no command, however the command line is wrong. */
import { describe, expect, it } from "vitest";
import { createProgram, failureMessageOf } from "../../src/cli/program.js";
import { NO_ACTIONS } from "../kit/process/cli-actions.js";

const STORE = "postgres://tidemark:s3cr/e@t@db.example/jobs?sslpassword=s3cret";

describe("tidemark", () => {
  it.each([
    [[STORE]],
    [["serve", STORE]],
    [[`--stor=${STORE}`]],
    [["serve", "--stor", STORE]],
    [["serve", "--port", STORE]],
    [["serve", "--config", STORE]],
    [["serve", "--store", ` ${STORE}`]],
    [["check", STORE]],
    [["backup", "./tidemark-data", STORE]],
    [["watch", "--url", STORE]],
    [["list", STORE]],
  ])("%j fails without the password", async (args) => {
    const environment = { env: { TIDEMARK_STORE: STORE }, readFile, print() {} };
    const error: unknown = await createProgram(NO_ACTIONS, environment)
      .parseAsync(args, { from: "user" })
      .catch((reason: unknown) => reason);

    expect(failureMessageOf(error)).toMatch(/^tidemark: /);
    expect(failureMessageOf(error)).not.toMatch(/s3cr|e@t/);
  });
});

function readFile(path: string): string {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
}
