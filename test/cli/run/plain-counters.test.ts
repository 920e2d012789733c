import { describe, expect, it } from "vitest";
import { phasesOf, readAll } from "./recorded-outputs.js";

function phases(output: string): string[] {
  return phasesOf(readAll(output).readings);
}

describe("A counter in a line that is drawn over", () => {
  it.each([
    ["a percentage", "Work: 10%\rWork: 20.5 %\rWork: 100%\n", ["Work: 10 20.5 100 of 100"]],
    [
      "a percentage with many decimals",
      "33.333333333333336%\r50%\r66.66666666666667%\r",
      [": 33.33 50 66.66 of 100"],
    ],
    ["a decimal comma", "10,5%\r11,5%\n", [": 10.5 11.5 of 100"]],
    ["n/m", "Files 1/30\rFiles 2/30\r", ["Files: 1 2 of 30"]],
    ["n of m", "3 of 10 done\r4 of 10 done\r", [": 3 4 of 10"]],
    [
      "thousands separators",
      "1,500 / 2,000,000\r1 600/2 000 000\r1_700 of 2_000_000\r",
      [": 1500 1600 1700 of 2000000"],
    ],
    ["a count and a percentage", "3/10 (30%)\r4/10 (40%)\r", [": 3 4 of 10"]],
    ["n/m with a changing name", "a.txt 1/3\rbcd.txt 2/3\re 3/3\n", ["a txt: 1 2 3 of 3"]],
    ["a growing volume", "seen 5/10\rseen 6/12\rseen 12/12\r", ["seen: 5 6 12 of 12"]],
    ["a bar", "[####      ] 40%\r[#####     ] 50%\r", [": 40 50 of 100"]],
    ["backspaces", "checking   5%\b\b\b\b 10%\b\b\b\b100%\n", ["checking: 5 10 100 of 100"]],
    ["a second counter", "a 50%\ra 100%\rb 1%\rb 9%\n", ["a: 50 100 of 100 *", "b: 1 9 of 100"]],
  ])("is read immediately: %s", (_, output, read) => {
    expect(phases(output)).toEqual(read);
  });
});

describe("A counter in successive lines", () => {
  it("is read once it has grown", () => {
    expect(phases("Epoch 1/4\nloss 0.5\nEpoch 2/4\nloss 0.4\nEpoch 3/4\nEpoch 4/4\n")).toEqual([
      "Epoch: 2 3 4 of 4",
    ]);
    expect(phases("10%\n100%\n")).toEqual([": 100 of 100"]);
    expect(phases("12:01 row 100 of 900\n12:02 row 200 of 900\n12:03 row 300 of 900\n")).toEqual([
      "row: 200 300 of 900",
    ]);
  });

  it("is read at once if the line is nothing but the first step", () => {
    expect(phases("1/2\n")).toEqual([": 1 of 2"]);
    expect(phases("0/20\n7/20\n")).toEqual([": 0 7 of 20"]);
  });

  it("is not read while it does not grow", () => {
    expect(phases("page 2/3\npage 2/3\npage 2/3\npage 1/3\n")).toEqual([]);
  });
});

describe("A text that only looks like a counter", () => {
  it.each([
    "open 24/7, and half of that is 12",
    "2026/11/23 10:24:07 started",
    "11/23/2026: v1.2/3, 1/2/3 and a/1/2",
    "see https://example.org/1/20 or ./1/20",
    "the disk is 85% full",
    "150% of nothing",
    "1/2 cup of sugar, 3/4 cup of milk",
    "0/0 and 5/1 make no sense",
    "10-20/30 and 1.5/3.5",
    "rate limit 3/10s, section 3/10a",
    "width: 100%25 %d %s 5%d",
    "99.999.9% and x5%",
  ])("has no reading: %s", (text) => {
    expect(phases(`${text}\n${text}\n${text}\n`)).toEqual([]);
  });

  it("has no reading if it differs from line to line", () => {
    expect(phases("disk a is 10% full\ndisk b is 20% full\ndisk c is 30% full\n")).toEqual([]);
    expect(phases("1/2 cup sugar\n2/3 cup milk\n3/4 cup flour\n")).toEqual([]);
  });

  it.each(["1/2 a 3/4 b", "1/1", "24/7", "120%", "10% a, 20% b"])(
    "has no reading even if it is drawn over: %s",
    (text) => {
      expect(phases(`${text}\r${text}\r`)).toEqual([]);
    },
  );
});

describe("Formats that could not be recorded", () => {
  it("include pip before 22, which announces the size first", () => {
    const output =
      "  Downloading a-1.0.tar.gz (3.0 MB)\n\r     |███▉      | 1.0 MB 5.6 MB/s eta 0:00:01\r     |██████████| 3.0 MB 5.6 MB/s\n";

    expect(phases(output)).toEqual(["Downloading a-1.0.tar.gz: 1000000 3000000 of 3000000"]);
  });

  it("include wget without a size", () => {
    const output =
      "Saving to: ‘a’\n\ra      [ <=>        ]  64.00K   299KB/s       \ra      [  <=>       ] 128.00K   300KB/s    \n";

    expect(phases(output)).toEqual(["a: 64000 128000 of ?"]);
  });
});
