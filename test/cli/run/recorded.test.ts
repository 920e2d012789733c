/**
 * The recorded outputs of real programs (`test/cli/recorded`) and their readings. The readings were checked by eye against
 * the programs.
 */
import { describe, expect, it } from "vitest";
import { phasesOf, readAll, recorded } from "./recorded-outputs.js";

const GIT_COUNTS =
  "1 5 9 13 17 21 25 29 33 37 41 45 49 53 57 61 65 69 73 77 81 85 89 93 97 101 105 109 113 117 121 125 129 133 137 141 145 149 153 157 161 165 169 173 177 181 185 189 193 197 201 206 210 214 218 222 226 230 234 238 242 246 250 254 258 262 266 270 274 278 282 286 290 294 298 302 306 310 314 318 322 326 330 334 338 342 346 350 354 358 362 366 370 374 378 382 386 390 394 398 402";

const RECORDED: readonly (readonly [name: string, phases: readonly string[]])[] = [
  [
    "apt.tty",
    [
      "Reading package lists: 0 93 94 98 of 100",
      "Building dependency tree: 0 50 of 100",
      "Reading state information: 0 of 100",
      "Reading database: 5 10 15 20 25 30 35 40 45 50 55 60 65 70 75 80 85 90 95 100 of 100 *",
      "Installing: 0 20 40 60 80 of 100",
    ],
  ],
  ["cmake-make", [": 10 20 30 40 50 60 70 80 90 100 of 100"]],
  [
    "curl-hash.tty",
    [
      ": 4.4 6.6 8.7 10.9 13.1 15.3 17.5 19.7 21.8 24 26.2 28.4 30.6 32.8 35 37.1 39.3 41.5 43.7 45.9 48.1 50.2 52.4 54.6 56.8 59 61.2 63.4 65.5 67.7 72.1 74.3 76.5 78.6 80.8 83 85.2 87.4 89.6 91.8 93.9 96.1 98.3 100 of 100",
    ],
  ],
  ["curl-meter", [": 448000 1088000 1728000 2368000 2929000 of 2929000"]],
  ["ffmpeg", [": 0 1 3 5 8 11 14 18 39 of 40"]],
  [
    "git-clone",
    ["Counting objects", "Compressing objects", "Receiving objects"].map(
      (label, index) => `${label}: ${GIT_COUNTS} of 402${index < 2 ? " *" : ""}`,
    ),
  ],
  ["ninja.tty", [": 0 1 2 3 4 5 6 7 8 9 10 of 10"]],
  ["ninja", [": 1 2 3 4 5 6 7 8 9 10 of 10"]],
  [
    "pip.tty",
    [
      "Downloading alpha-1.0-py3-none-any.whl: 0 100000 300000 400000 500000 600000 700000 800000 900000 1000000 1200000 1300000 1400000 1500000 of 1500000 *",
      "Downloading beta-1.0-py3-none-any.whl: 0 100000 300000 400000 500000 600000 700000 800000 1000000 1200000 1300000 1400000 1500000 of 1500000",
    ],
  ],
  [
    "rsync-progress",
    [
      "file1.bin: 10 100 of 100 *",
      "files: 2 3 4 5 6 7 8 9 10 11 of 11",
      "file2.bin: 10 100 of 100 *",
      "file3.bin: 10 100 of 100 *",
      "file4.bin: 10 21 100 of 100 *",
      "file5.bin: 10 100 of 100 *",
      "file6.bin: 10 100 of 100",
    ],
  ],
  ["rsync-progress2", [": 1 16 33 49 53 66 83 99 100 of 100"]],
  [
    "tqdm-nested.tty",
    [
      "epochs: 0 1 2 3 of 3",
      "batches: 0 5 10 15 20 25 30 35 40 of 40 *",
      "batches: 0 5 10 15 20 25 30 35 40 of 40 *",
      "batches: 0 5 10 15 20 25 30 35 40 of 40",
    ],
  ],
  [
    "tqdm-units",
    [
      ": 0 5 10 15 20 25 30 35 40 45 50 of ?",
      "data: 0 750000 1500000 2250000 2880000 3500000 4120000 4750000 5000000 of 5000000",
    ],
  ],
  ["tqdm", ["Import: 0 5 10 15 20 25 30 35 40 45 50 55 60 of 60"]],
  ["wget-bar.tty", ["out.bin: 0 6 13 19 25 32 38 45 51 57 64 70 76 83 89 95 100 of 100"]],
  ["wget-dots", ["out.bin: 5 10 15 20 25 30 35 40 46 51 56 61 66 71 76 81 87 92 97 100 of 100"]],
];

describe("The output of", () => {
  it.each(RECORDED)("%s has the expected phases", (name, phases) => {
    expect(phasesOf(readAll(recorded(name)).readings)).toEqual(phases);
  });

  it.each(RECORDED)("%s is read the same byte by byte", (name) => {
    const bytes = recorded(name);
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));

    expect(readAll(...single)).toEqual(readAll(bytes));
  });
});

describe("The lines without a reading", () => {
  it("of ninja are its messages", () => {
    expect(readAll(recorded("ninja.tty")).lines).toEqual(["ninja: Entering directory `bn'"]);
  });

  it("of curl are empty", () => {
    expect(readAll(recorded("curl-meter")).lines).toEqual([]);
  });

  it("of pip have no colours", () => {
    expect(readAll(recorded("pip.tty")).lines).toEqual([
      "Collecting alpha==1.0",
      "  Downloading http://127.0.0.1:18934/alpha-1.0-py3-none-any.whl (1.5 MB)",
      "Collecting beta==1.0",
      "  Downloading http://127.0.0.1:18934/beta-1.0-py3-none-any.whl (1.5 MB)",
      "Saved ./dl/alpha-1.0-py3-none-any.whl",
      "Saved ./dl/beta-1.0-py3-none-any.whl",
      "Successfully downloaded alpha beta",
    ]);
  });
});
