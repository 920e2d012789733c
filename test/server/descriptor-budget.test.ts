import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { fitToDescriptors } from "../../src/server/descriptor-budget.js";

const PER_DATABASE = 3;

describe("The limits of connections and open databases", () => {
  it.each([
    ["the limit of open files is unknown", PER_DATABASE, undefined],
    ["it allows all of them", PER_DATABASE, { limit: 20_822, inUse: 30 }],
    ["a database needs no file", 0, { limit: 20_222, inUse: 30 }],
  ])("are unchanged if %s", (_, perDatabase, descriptors) => {
    expect(fitToDescriptors(DEFAULT_LIMITS, perDatabase, descriptors)).toEqual({
      limits: DEFAULT_LIMITS,
      notice: undefined,
    });
  });

  it.each([
    ["one file too few", 20_821, { connectionsMax: 19_999, databasesOpenMax: 200 }],
    ["a limit as high as the connections", 20_000, { connectionsMax: 19_178, databasesOpenMax: 200 }],
    ["the limit of many shells", 1_024, { connectionsMax: 604, databasesOpenMax: 66 }],
    ["a limit below the reserve", 100, { connectionsMax: 1, databasesOpenMax: 1 }],
  ])("are lowered to what remains beside the reserve: %s", (_, limit, lowered) => {
    const { limits } = fitToDescriptors(DEFAULT_LIMITS, PER_DATABASE, { limit, inUse: 30 });

    expect(limits).toEqual({ ...DEFAULT_LIMITS, ...lowered });
  });

  it("are lowered with a warning that names the numbers and the remedy", () => {
    const { notice } = fitToDescriptors(DEFAULT_LIMITS, PER_DATABASE, { limit: 1_024, inUse: 30 });

    expect(notice?.level).toBe("warn");
    expect(notice?.message).toBe(
      "the limit of open files is 1024, and the settings need 20822. The server accepts 604 connections and keeps 66 databases " +
        "open instead. Raise the limit (ulimit -n 20822, or LimitNOFILE= of systemd), or lower --connections-max and " +
        "--databases-open-max",
    );
  });

  it.each([
    ["info if the defaults are lowered and plenty remains", DEFAULT_LIMITS, 20_000, "info"],
    ["info if 1,000 connections remain", DEFAULT_LIMITS, 1_552, "info"],
    ["warn if less remains", DEFAULT_LIMITS, 1_551, "warn"],
    ["warn if the operator set a limit", { ...DEFAULT_LIMITS, connectionsMax: 30_000 }, 20_000, "warn"],
  ] as const)("are lowered with a log line of level %s", (_, limits, limit, level) => {
    const { notice } = fitToDescriptors(limits, PER_DATABASE, { limit, inUse: 30 });

    expect(notice?.level).toBe(level);
  });
});
