/** The commands that work on a data folder, given the store of a server in PostgreSQL instead. */
import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../../src/cli/exit-codes.js";
import { createProgram, failureMessageOf } from "../../src/cli/program.js";
import { NO_ACTIONS } from "../kit/process/cli-actions.js";

const STORE = "postgres://tidemark:s3cret@db.example/jobs";

describe.each([
  ["check", [STORE], "check its tables with pg_amcheck."],
  ["backup", [STORE, "./copy"], "back it up with pg_dump, and keep a replica."],
  ["backup", ["./tidemark-data", STORE], "back it up with pg_dump, and keep a replica."],
  ["repair", [STORE], "promote a replica, or restore a backup and start the server once with --new-epoch."],
  [
    "compact",
    [STORE.replace("postgres", "postgresql")],
    "return its free space with VACUUM FULL, or let autovacuum reuse it.",
  ],
])("tidemark %s %s", (command, paths, instead) => {
  it("says what to use instead, without the password, and exits as for wrong usage", async () => {
    const error: unknown = await createProgram(NO_ACTIONS)
      .parseAsync([command, ...paths], { from: "user" })
      .catch((reason: unknown) => reason);

    expect(failureMessageOf(error)).toBe(
      `tidemark: This command works on a data folder, not on a store in PostgreSQL: ${instead}`,
    );
    expect(exitCodeOf(error)).toBe(2);
  });
});
