import { describe, expect, it } from "vitest";
import { allTaskLines, jobLine } from "../../../src/cli/render/job-lines.js";
import type { TreeLine } from "../../../src/cli/render/tree-lines.js";
import { ELAPSED_CASES } from "../../kit/delivery/elapsed-cases.js";
import { WATCHED_NOW } from "../../kit/delivery/watched-jobs.js";

describe("The elapsed time on a terminal", () => {
  it.each(ELAPSED_CASES)("of $title is $elapsed", ({ job, row = 0, skew = 0, elapsed }) => {
    const now = WATCHED_NOW + skew * 1_000;
    const lines: TreeLine[] = [jobLine(job, now), ...allTaskLines(job, now)];

    expect(factsOf(lines[row]!)[1]).toBe(elapsed);
  });
});

/** The count, then the elapsed time. */
function factsOf(line: TreeLine): string[] {
  return line.kind === "task" ? line.facts.flatMap(({ text, isWarning }) => (isWarning ? [] : text)) : [];
}
