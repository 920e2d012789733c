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
  it("is the latest line, even if it only looks like a counter", () => {
    expect(message("checking", "the disk is 85% full")).toBe("the disk is 85% full");
    expect(message("page 2/3", "page 2/3", "page 2/3", "page 1/3")).toBe("page 1/3");
  });

  it("is withdrawn once the line turns out to belong to a counter", () => {
    expect(message("10% x")).toBe("10% x");
    expect(message("10% x", "20% x")).toBe("");
    expect(message("working", ...STEPS)).toBe("working");
  });

  it("skips the lines of a counter that restarts", () => {
    expect(message("working", ...STEPS, ...STEPS, "step 1/5")).toBe("working");
  });

  it("can be a line between the lines of a counter", () => {
    expect(message("Epoch 1/4", "loss 0.5", "Epoch 2/4", "loss 0.4", "Epoch 3/4")).toBe("loss 0.4");
  });
});

describe("The reason", () => {
  it("is the last lines without those of a counter, even the first ones", () => {
    expect(reason(...STEPS, "boom…")).toBe("boom…");
    expect(reason("begin", ...STEPS, "boom…", "step 4/5")).toBe("begin | boom…");
  });

  it("has the latest line of a counter if no other line followed", () => {
    expect(reason(...STEPS)).toBe("step 3/5");
    expect(reason("begin", ...STEPS, "step 4/5: disk full")).toBe("begin | step 4/5: disk full");
  });

  it("has at most ten lines, each of limited length", () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);

    expect(reason(...lines).split(" | ")).toEqual(lines.slice(-10));
    expect(reason("x".repeat(900))).toHaveLength(200);
  });
});
