import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "../kit/process/child-process.js";
import { anchorsOf, linksOf, markdownFiles } from "./markdown.js";

const links = markdownFiles().flatMap((file) =>
  linksOf(file)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ file, target })),
);

describe("The links of the Markdown files", () => {
  it.each(links)("lead to a file and a heading that exist: $file to $target", ({ file, target }) => {
    expect(problemOf(file, target)).toBeUndefined();
  });
});

function problemOf(file: string, target: string): string | undefined {
  const [path, anchor] = target.split("#");
  const linked = path ? join(dirname(file), path) : file;
  if (!existsSync(join(PROJECT, linked))) return `There is no file ${linked}.`;
  const isFound = anchor === undefined || anchorsOf(linked).includes(anchor);
  return isFound ? undefined : `${linked} has no heading #${anchor}.`;
}
