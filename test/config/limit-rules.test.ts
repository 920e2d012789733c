import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { memoryMaxOfHeap } from "../../src/config/heap-share.js";
import { LIMIT_SETTINGS } from "../../src/config/limit-settings.js";
import { brokenRule, LIMIT_RULES } from "../../src/config/limit-rules.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";
import { configOf } from "../kit/server/server.js";

describe("limits that depend on each other", () => {
  it("agree by default", () => {
    expect(brokenRule(DEFAULT_LIMITS)).toBeUndefined();
  });

  it.each(LIMIT_RULES.filter(({ least }) => least(DEFAULT_LIMITS) > 1))(
    "are accepted at the least value of $limit, $formula, and refused below",
    (rule) => {
      const least = rule.least(DEFAULT_LIMITS);
      const { key, flag } = LIMIT_SETTINGS[rule.limit];
      const lowered = LIMIT_RULES.filter(({ limit }) => limit === rule.limit);
      const needed = Math.max(...lowered.map((other) => other.least(DEFAULT_LIMITS)));

      expect(configOf({ [key]: String(needed) }).limits[rule.limit]).toBe(needed);
      const message = messageOf({ [key]: String(least - 1) });
      expect(message).toContain(`Invalid ${flag} "${least - 1}"`);
      expect(message).toMatch(/expected at least \d+.* because .*\. Raise it/);
    },
  );

  it.each<[Partial<Limits>, RegExp]>([
    [
      { tasksPerTreeMax: 30_000 },
      /^Invalid --tasks-per-tree-max "30000": expected --items-per-answer-max of at least 60200, not 50000, with --tasks-per-tree-max 30000 and --log-lines-per-job-max 200, because .* Raise --items-per-answer-max, or lower --tasks-per-tree-max or --log-lines-per-job-max\.$/,
    ],
    [{ rowsMax: 100_000 }, /--items-per-answer-max of at least 100000, not 50000, with --rows-max 100000/],
    [
      { levelsPerTreeMax: 320 },
      /--variables-depth-max of at least 960, not 128, with --levels-per-tree-max 320/,
    ],
    [
      { logLinesPerJobMax: 40_000 },
      /--log-lines-per-job-max "40000": expected --items-per-answer-max of at least 60000/,
    ],
    [{ messageTextBytesMax: 200_000 }, /expected --body-bytes-max of at least 1206024, not 1000000/],
    [{ descriptionBytesMax: 20_000 }, /expected --body-bytes-max of at least 1292424/],
    [{ nameBytesMax: 40_000 }, /expected --message-bytes-max of at least/],
    [
      { pageSizeDefault: 20, pageSizeMax: 10 },
      /^Invalid --page-size-default "20": expected at most 10 with --page-size-max 10\./,
    ],
  ])("are refused with both names and values: %j", (limits, message) => {
    const flags = Object.entries(limits).map(([name, value]) => [
      LIMIT_SETTINGS[name as keyof Limits].key,
      String(value),
    ]);

    expect(messageOf(Object.fromEntries(flags) as Record<string, string>)).toMatch(message);
  });

  it("lower the default size of a page with its maximum", () => {
    expect(configOf({ pageSizeMax: "10" }).limits.pageSizeDefault).toBe(10);
  });
});

function messageOf(flags: Readonly<Record<string, string>>): string {
  try {
    configOf(flags);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the config was accepted");
}

describe("the default of --memory-max", () => {
  it.each([
    [117_440_512, 14_554_432],
    [1_088_331_648, 500_000_000],
    [4_345_298_944, 1_000_000_000],
    [50_000_000, 1_000_000],
  ])("for a heap of %i bytes is %i", (heap, expected) => {
    expect(memoryMaxOfHeap(heap)).toBe(expected);
  });
});
