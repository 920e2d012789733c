import { describe, expect, it } from "vitest";
import type { CallerRights } from "../../src/auth/caller.js";
import { authorize, canReadMetrics, narrowFilter, scopeOf, visibilityKey } from "../../src/auth/rights.js";
import { databaseName, jobKey } from "../kit/journal/entries.js";

const MOVIES = databaseName("movies");
const JOB = { ...jobKey("alice", "a"), database: MOVIES };
const ALICE: CallerRights = { id: "1", username: JOB.username, role: "reporter", databases: ["mov*"] };
const ADMIN: CallerRights = { ...ALICE, role: "admin", databases: ["*"] };
const SHARED: CallerRights = { ...ADMIN, job: JOB };

describe("What somebody may see", () => {
  it.each([
    ["the own jobs of a database that the token is for", ALICE, "movies", { username: "alice" }],
    ["nothing of another one", ALICE, "secret", undefined],
    ["everything, who is an admin", ADMIN, "movies", {}],
    ["one job, whatever else the token says", SHARED, "movies", { username: "alice", jobId: "a" }],
    ["nothing of the like in another database", SHARED, "secret", undefined],
  ])("is %s", (_, rights, database, scope) => {
    expect(scopeOf(databaseName(database), rights)).toEqual(scope);
  });

  it("is what a filter lets through of it", () => {
    const { username, jobId } = jobKey("bob", "b");

    expect(narrowFilter({ jobId }, { username })).toEqual({ username, jobId });
    expect(narrowFilter({ username }, { username })).toEqual({ username, jobId: undefined });
    expect(narrowFilter({ username: JOB.username }, { username })).toBeUndefined();
    expect(narrowFilter({ jobId: JOB.jobId }, { username, jobId })).toBeUndefined();
  });

  it("is the same for all admins, for all of one user, and for nobody else", () => {
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

  it("is what is counted over all databases only for an admin of all", () => {
    const rights = [ADMIN, { ...ADMIN, databases: ["mov*"] }, ALICE, SHARED];

    expect(rights.map(canReadMetrics)).toEqual([true, false, false, false]);
  });
});

describe("What somebody may do", () => {
  it("is nothing to who was shown a job, whatever else the token says", () => {
    for (const action of ["report", "cancel", "remove", "purge"] as const)
      expect(() => authorize(action, JOB, SHARED)).toThrow(
        expect.objectContaining({
          code: "FORBIDDEN",
          message: "The token shows one job, and is for changing none.",
        }),
      );
  });

  it.each([
    ["viewer", "report", "alice", "report a job takes the role reporter"],
    ["viewer", "cancel", "alice", "ask a job to stop takes the role reporter"],
    ["viewer", "report", "bob", "report another user's job takes the role admin"],
    ["reporter", "remove", "bob", "remove another user's job takes the role admin"],
    ["reporter", "cancel", "bob", "ask another user's job to stop takes the role admin"],
    ["reporter", "purge", "everybody", "purge a database takes the role admin"],
  ] as const)("is told to a %s who may not %s (of %s): to %s", (role, action, username, text) => {
    const target = { database: MOVIES, ...jobKey(username, "a") };

    expect(() => authorize(action, target, { ...ALICE, role })).toThrow(
      expect.objectContaining({
        code: "FORBIDDEN",
        message: `To ${text}, and the token has the role ${role}, as "alice".`,
      }),
    );
  });
});
