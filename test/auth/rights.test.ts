import { describe, expect, it } from "vitest";
import type { CallerRights } from "../../src/auth/caller.js";
import { authorize, canReadMetrics, narrowFilter, scopeOf, visibilityKey } from "../../src/auth/rights.js";
import { databaseName, jobKey } from "../kit/journal/entries.js";

const MOVIES = databaseName("movies");
const JOB = { ...jobKey("alice", "a"), database: MOVIES };
const ALICE: CallerRights = { id: "1", username: JOB.username, role: "reporter", databases: ["mov*"] };
const ADMIN: CallerRights = { ...ALICE, role: "admin", databases: ["*"] };
const SHARED: CallerRights = { ...ADMIN, job: JOB };

describe("The scope of a caller", () => {
  it.each([
    ["its own jobs in a database that the token covers", ALICE, "movies", { username: "alice" }],
    ["nothing in another database", ALICE, "secret", undefined],
    ["everything for an admin", ADMIN, "movies", {}],
    [
      "one job for a token that shares it, whatever its role",
      SHARED,
      "movies",
      { username: "alice", jobId: "a" },
    ],
    ["nothing in another database for a token that shares a job", SHARED, "secret", undefined],
  ])("is %s", (_, rights, database, scope) => {
    expect(scopeOf(databaseName(database), rights)).toEqual(scope);
  });

  it("narrows a filter", () => {
    const { username, jobId } = jobKey("bob", "b");

    expect(narrowFilter({ jobId }, { username })).toEqual({ username, jobId });
    expect(narrowFilter({ username }, { username })).toEqual({ username, jobId: undefined });
    expect(narrowFilter({ username: JOB.username }, { username })).toBeUndefined();
    expect(narrowFilter({ jobId: JOB.jobId }, { username, jobId })).toBeUndefined();
  });

  it("is the same for all admins and for all tokens of one user", () => {
    const bob = { ...ALICE, username: jobKey("bob", "b").username };
    const views = [
      ADMIN,
      { ...ADMIN, id: "2", username: bob.username },
      ALICE,
      { ...ALICE, id: "3" },
      bob,
      SHARED,
    ].map(visibilityKey);

    expect([views[0] === views[1], views[2] === views[3], new Set(views).size]).toEqual([true, true, 4]);
  });

  it("includes the metrics only for an admin of all databases", () => {
    const rights = [ADMIN, { ...ADMIN, databases: ["mov*"] }, ALICE, SHARED];

    expect(rights.map(canReadMetrics)).toEqual([true, false, false, false]);
  });
});

describe("The authorization of an action", () => {
  it("fails with FORBIDDEN in another database, and names the databases of the token", () => {
    const database = databaseName("secret");

    expect(() => authorize("report", { ...JOB, database }, ALICE)).toThrow(
      'The token does not cover the database "secret". It covers "mov*".',
    );
    expect(() => authorize("report", { ...JOB, database }, SHARED)).toThrow(/It covers "movies"\.$/);
  });

  it("fails with FORBIDDEN for a token that shares a job, whatever its role", () => {
    for (const action of ["report", "cancel", "remove", "purge", "delete"] as const)
      expect(() => authorize(action, JOB, SHARED)).toThrow(
        expect.objectContaining({
          code: "FORBIDDEN",
          message: "The token can only read one job.",
        }),
      );
  });

  it.each([
    ["viewer", "report", "alice", "Reporting a job requires the role reporter"],
    ["viewer", "cancel", "alice", "Canceling a job requires the role reporter"],
    ["viewer", "report", "bob", "Reporting another user's job requires the role admin"],
    ["reporter", "remove", "bob", "Removing another user's job requires the role admin"],
    ["reporter", "cancel", "bob", "Canceling another user's job requires the role admin"],
    ["reporter", "purge", "anyone", "Purging a database requires the role admin"],
    ["reporter", "delete", "anyone", "Deleting a database requires the role admin"],
  ] as const)(
    "fails with FORBIDDEN and the required role when a %s tries to %s (job of %s): %s",
    (role, action, username, text) => {
      const target = { database: MOVIES, ...jobKey(username, "a") };

      expect(() => authorize(action, target, { ...ALICE, role })).toThrow(
        expect.objectContaining({
          code: "FORBIDDEN",
          message: `${text}; the token of "alice" has the role ${role}.`,
        }),
      );
    },
  );
});
