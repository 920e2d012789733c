import { describe, expect, it } from "vitest";
import {
  durationFor,
  expiresAt,
  parseDurations,
  shortestRetentionMs,
  type Retention,
} from "../../src/tasks/retention.js";
import { databaseName } from "../kit/journal/entries.js";
import { report, stored } from "./sample-jobs.js";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

describe("the expiry of a job", () => {
  const retention: Retention = {
    ended: parseDurations("1h,staging-*=2s", "24h"),
    failed: parseDurations("3h,staging-*=4s", "7d"),
  };

  it.each([
    ["FINISHED", "neo4j", HOUR_MS],
    ["CANCELED", "neo4j", HOUR_MS],
    ["FAILED", "neo4j", 3 * HOUR_MS],
    ["FINISHED", "staging-1", 2 * SECOND_MS],
    ["FAILED", "staging-1", 4 * SECOND_MS],
  ] as const)("when it was %s in %s is %d ms after its end", (status, database, ms) => {
    const job = report(stored(), 10, [{ path: "", status }]);

    expect(expiresAt({ ...job, database: databaseName(database) }, retention)).toBe(10 + ms);
  });

  it("is not set while the job may continue, even if tasks below its root FAILED", () => {
    expect(expiresAt(report(stored(), 10, [{ path: "0", status: "FAILED" }]), retention)).toBeNull();
  });

  it("counts from the last report of a LOST job, as from the end of others", () => {
    expect(expiresAt({ ...stored(), health: "LOST", reportedAt: 500 }, retention)).toBe(500 + HOUR_MS);
  });
});

describe("durations by database", () => {
  it.each([
    ["24h", "any", 24 * HOUR_MS],
    ["24h,neo4j=1h", "neo4j", HOUR_MS],
    ["24h,neo4j=1h", "neo4j2", 24 * HOUR_MS],
    ["neo4j=1h,24h", "other", 24 * HOUR_MS],
    ["neo4j=1h", "other", 7 * HOUR_MS],
    ["neo*=1h,neo4j=2h", "neo4j", HOUR_MS],
    ["neo4j=2h,neo*=1h", "neo4j", 2 * HOUR_MS],
    [" 24h , Staging-* = 1h ", "staging-eu", HOUR_MS],
    ["STRASSE\u0301=1h", "strass\u00e9", HOUR_MS],
    ["a=b=1h", "a=b", HOUR_MS],
    ["0s", "any", 0],
    ["any=1h30m", "any", 1.5 * HOUR_MS],
  ])("in %j give %s %d ms", (text, database, ms) => {
    expect(durationFor(databaseName(database), parseDurations(text, "7h"))).toBe(ms);
  });

  it.each([
    ["*", "any", true],
    ["a*", "a", true],
    ["a*", "ba", false],
    ["*a", "ba", true],
    ["*a", "ab", false],
    ["a*c", "abc", true],
    ["a*c", "ac", true],
    ["ab*ba", "aba", false],
    ["a*b*c", "aXbXc", true],
    ["a*b*c", "acb", false],
    ["a*b*b", "ab", false],
    ["*a*a*", "a", false],
    ["**", "any", true],
    ["a.c", "abc", false],
    ["[a]", "a", false],
  ])("match the pattern %j with %s: %s", (pattern, database, isMatch) => {
    const durations = parseDurations(`${pattern}=1h`, "0s");

    expect(durationFor(databaseName(database), durations) === HOUR_MS).toBe(isMatch);
  });

  it("match a pattern of many stars quickly", () => {
    const durations = parseDurations(`${"*a".repeat(60)}*b=1h`, "0s");

    expect(durationFor(databaseName("a".repeat(128)), durations)).toBe(0);
  });

  it.each([
    ["", '"" is not a duration'],
    ["24", '"24" has no unit'],
    ["24h,", '"" is not a duration'],
    ["24h,1h", "only one duration may have no pattern"],
    ["neo4j=", '"" is not a duration'],
    ["=1h", 'the database pattern before "=" is missing'],
    ["neo4j=soon", '"soon" is not a duration'],
    ["neo4j", '"neo4j" is not a duration'],
    ["a=1h,A=2h", 'the pattern "a" is repeated'],
    ["a\u0000=1h", "a database pattern must not contain control characters"],
    ["3651d", '"3651d" is longer than 3650d'],
    ["neo4j=3651d", '"3651d" is longer than 3650d'],
  ])("are rejected when they are written %j: %s", (text, message) => {
    expect(() => parseDurations(text, "24h")).toThrow(message);
    expect(() => parseDurations(text, "24h")).toThrow(RangeError);
  });

  it("give the shortest of a retention", () => {
    const retention = (ended: string, failed: string): Retention => ({
      ended: parseDurations(ended, "24h"),
      failed: parseDurations(failed, "24h"),
    });

    expect(shortestRetentionMs(retention("3h,a=2h", "5h"))).toBe(2 * HOUR_MS);
    expect(shortestRetentionMs(retention("3h", "5h,a=1h"))).toBe(HOUR_MS);
  });
});
