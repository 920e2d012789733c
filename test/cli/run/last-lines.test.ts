import { describe, expect, it } from "vitest";
import { readAll } from "./recorded-outputs.js";

const STEPS = ["step 1/5", "step 2/5", "step 3/5"];

function message(...lines: readonly string[]): string {
  return readAll(...lines.map((line) => `${line}\n`)).message;
}

function reason(...lines: readonly string[]): string {
  return readAll(...lines.map((line) => `${line}\n`)).reason;
}

describe("The message", () => {
  it("is the latest line, also one that only looks like a counter's", () => {
    expect(message("checking", "the disk is 85% full")).toBe("the disk is 85% full");
    expect(message("page 2/3", "page 2/3", "page 2/3", "page 1/3")).toBe("page 1/3");
  });

  it("is taken back once it turns out to be a counter's", () => {
    expect(message("10% x", "20% x")).toBe("20% x");
    expect(message("10% x", "20% x", "90% x")).toBe("");
    expect(message("working", ...STEPS)).toBe("working");
  });

  it("is no line of a counter either that starts again", () => {
    expect(message("working", ...STEPS, ...STEPS, "step 1/5")).toBe("working");
  });

  it("is what stands between the lines of a counter", () => {
    expect(message("Epoch 1/4", "loss 0.5", "Epoch 2/4", "loss 0.4", "Epoch 3/4")).toBe("loss 0.4");
  });
});

describe("The reason", () => {
  it("is the last lines without a counter's, those included by which it was found", () => {
    expect(reason(...STEPS, "boom…")).toBe("boom…");
    expect(reason("begin", ...STEPS, "boom…", "step 4/5")).toBe("begin | boom…");
  });

  it("has the newest line of a counter where nothing was said since it began", () => {
    expect(reason(...STEPS)).toBe("step 3/5");
    expect(reason("begin", ...STEPS, "step 4/5: disk full")).toBe("begin | step 4/5: disk full");
  });

  it("is ten lines at most, and each of them short", () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);

    expect(reason(...lines).split(" | ")).toEqual(lines.slice(-10));
    expect(reason("x".repeat(900))).toHaveLength(200);
  });
});
