import { describe, expect, it } from "vitest";
import { formatAddress, NEWEST_FIRST, parseAddress, type Address } from "../../src/web/address.js";

const PLAIN: Address = {
  database: undefined,
  user: undefined,
  statuses: [],
  search: "",
  sort: NEWEST_FIRST,
  job: undefined,
};

describe("A dashboard URL", () => {
  it.each<[string, Address]>([
    ["", PLAIN],
    ["?database=demo", { ...PLAIN, database: "demo" }],
    [
      "?database=demo&user=alice&status=FAILED,LOST&search=a+b&sort=-progress",
      {
        database: "demo",
        user: "alice",
        statuses: ["FAILED", "LOST"],
        search: "a b",
        sort: { key: "progress", isDescending: true },
        job: undefined,
      },
    ],
    [
      "?database=demo&owner=%D7%90%26&job=a%2Fb%3F%23",
      { ...PLAIN, database: "demo", job: { username: "א&", jobId: "a/b?#" } },
    ],
  ])("%s is parsed, and formatted to the same text", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it("keeps its valid fields and ignores the others", () => {
    expect(parseAddress("?status=failed,LOST,&sort=constructor&job=&search")).toEqual({
      ...PLAIN,
      statuses: ["LOST"],
    });
  });

  it("with a job but no owner leaves the owner open", () => {
    expect(parseAddress("?job=j").job).toEqual({ username: undefined, jobId: "j" });
  });
});
