import { describe, expect, it } from "vitest";
import type { JobAddress } from "../../../src/graphql/operations/job-arguments.js";
import { formatTaskId, formatUserTaskId, parseUserTaskId } from "../../../src/graphql/operations/node-id.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";
import { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import { storeJob } from "../../../src/tasks/job-changes.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../../../src/tasks/names.js";
import type { UserTask } from "../../../src/tasks/user-task.js";
import { editAt, leaf } from "../../kit/store/edits.js";

describe("the id of a job", () => {
  it.each([
    ["neo4j", "alice", "pagerank"],
    ["neo4j", "alice", "ünïcödé 🌊"],
    ["neo4j", '","', '"]'],
    ["neo4j", "\\", "[]"],
    ["__proto__", "null", "0"],
  ])("gives back the names %s, %s and %s", (database, username, jobId) => {
    const job = address(database, username, jobId);

    expect(parseUserTaskId(formatUserTaskId(job), DEFAULT_LIMITS)).toEqual(job);
  });

  it("differs for other names, even if they concatenate to the same text", () => {
    const ids = [address("a", "b", "cd"), address("a", "bc", "d"), address("ab", "c", "d")].map(
      formatUserTaskId,
    );

    expect(new Set(ids).size).toBe(3);
  });

  it("is base64url of a JSON array, for addresses and files", () => {
    expect(formatUserTaskId(address("neo4j", "alice", "pagerank"))).toBe(
      "WyJuZW80aiIsImFsaWNlIiwicGFnZXJhbmsiXQ",
    );
  });

  it.each([
    ["nothing", ""],
    ["no base64url", "not an id"],
    ["no JSON", encoded("neo4j")],
    ["JSON without end", encoded("[".repeat(100_000))],
    ["no array", encoded('{"0":"neo4j","1":"alice","2":"job","length":3}')],
    ["too few names", encoded('["neo4j","alice"]')],
    ["too many names", encoded('["neo4j","alice","job","job"]')],
    ["a number for a name", encoded('["neo4j","alice",1]')],
    ["an empty name", encoded('["neo4j","","job"]')],
    ["a database name that is not lower-cased", encoded('["Neo4j","alice","job"]')],
    ["a name that is not in form NFC", encoded('["neo4j","ali\u0301ce","job"]')],
    ["other spaces in the JSON", encoded('["neo4j", "alice", "job"]')],
    ["padding", `${encoded('["neo4j","alice","job1"]')}=`],
    ["a lone half of a surrogate pair", encoded('["neo4j","alice","\\ud800"]')],
  ])("rejects %s", (_, id) => {
    expect(errorOf(id)).toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it("is never the id of a task", () => {
    expect(errorOf(formatTaskId(userTask(), ""))).toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining("expected the id of a job"),
    });
  });

  it("is shortened in the error", () => {
    expect(errorOf("x".repeat(10_000)).message.length).toBeLessThan(200);
  });
});

describe("the id of a task", () => {
  it("differs for another attempt and for another path", () => {
    const first = userTask();
    const second = { ...first, attempt: 2 };

    const ids = [formatTaskId(first, ""), formatTaskId(first, "0"), formatTaskId(second, "0")];

    expect(new Set(ids).size).toBe(3);
  });
});

function address(database: string, username: string, jobId: string): JobAddress {
  return {
    database: parseDatabaseName(database, DEFAULT_LIMITS),
    username: parseUsername(username, DEFAULT_LIMITS),
    jobId: parseJobId(jobId, DEFAULT_LIMITS),
  };
}

function userTask(): UserTask {
  const request = {
    ...address("neo4j", "alice", "pagerank"),
    spec: leaf("PageRank"),
    onConflict: "OVERWRITE",
    memory: null,
    leaseMs: 60_000,
    requestId: null,
  } as const;
  return storeJob(undefined, request, editAt(0, 1));
}

function encoded(json: string): string {
  return Buffer.from(json).toString("base64url");
}

function errorOf(id: string): TidemarkError {
  try {
    parseUserTaskId(id, DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof TidemarkError) return error;
    throw error;
  }
  throw new Error(`${id} was taken for an id`);
}
