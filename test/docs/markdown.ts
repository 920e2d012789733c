/** Markdown as the tests of the documentation read it: fenced snippets, headings and links. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../kit/process/child-process.js";

/** A fenced block, with the instruction for the tests that may precede it. */
export interface Snippet {
  /** `docs/cli.md:42`. */
  readonly place: string;
  readonly language: string;
  readonly text: string;
  /** The text of `<!-- snippet: … -->` on the line above the fence; empty without one. */
  readonly instruction: string;
}

/** The Markdown files that are under version control, or will be with the next commit. */
export function markdownFiles(): string[] {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.md"];
  return execFileSync("git", list, { cwd: PROJECT, encoding: "utf8" }).trim().split("\n").toSorted();
}

export function readPage(file: string): string {
  return readFileSync(join(PROJECT, file), "utf8");
}

export function snippetsOf(file: string): Snippet[] {
  const page = readPage(file);
  return [...page.matchAll(FENCE)].map(({ index, groups }) => ({
    place: `${file}:${page.slice(0, index).split("\n").length}`,
    language: groups!["language"]!,
    text: unindented(groups!["text"]!, groups!["indent"]!),
    instruction: groups!["instruction"] ?? "",
  }));
}

/** The targets of the links and pictures of a page, as they are written. */
export function linksOf(file: string): string[] {
  return [...proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(file: string): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(file, { keepsCode: true }).matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) => {
    const anchor = heading!
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

function proseOf(file: string, { keepsCode = false } = {}): string {
  const prose = readPage(file).replaceAll(FENCE, "");
  return keepsCode ? prose : prose.replaceAll(/`[^`\n]*`/g, "");
}

function unindented(text: string, indent: string): string {
  return text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
}

const FENCE =
  /(?:^[ ]*<!-- snippet: (?<instruction>[^\n]+) -->\n(?:[ ]*\n)?)?^(?<indent>[ ]*)```(?<language>\S*)\n(?<text>.*?)^\k<indent>```$/gms;
