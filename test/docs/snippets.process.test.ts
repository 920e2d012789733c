import { parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../src/graphql/schema.js";
import { markdownFiles, readPage, snippetsOf } from "./markdown.js";
import { IS_NOT_RUN, isRun, KEEPS_RUNNING, RUN_LANGUAGES, runPage } from "./page-run.js";

/**
 * The snippets of the files README.md and of docs/ work as they stand. Each page is run from top to bottom (see `runPage`):
 *
 * - `sh`, `bash`, `js` and `python` are run, and must succeed. The `sleep` of a shell takes a tenth of its time. `js` without an `import` continues the first `js` of the page.
 * - `graphql` is validated, and executed where it needs no variables.
 * - `text` that directly follows a snippet is lines of its output, in order; `…` stands for any text.
 * - `<!-- snippet: keeps running -->` above the fence: the program runs until the page ends. The page goes on when the
 *   first line of its `text` was printed, and passes when the last one was.
 * - `<!-- snippet: not run: REASON -->`: it can't be run here.
 */
const FILES = markdownFiles().filter((file) => /^(docs|packages|python)\/|^README/.test(file));
const ILLUSTRATIONS = ["text", "json", "nginx", "caddy", "yaml", "ini", "html", "sql"];
/** test/docs/react-snippets.process.test.ts compiles them. */
const COMPILED = ["ts", "tsx"];
const LANGUAGES = new Set([...RUN_LANGUAGES, ...COMPILED, ...ILLUSTRATIONS]);
const INSTRUCTION = new RegExp(`^(${KEEPS_RUNNING}|${IS_NOT_RUN.source}.*)?$`);

const snippets = FILES.flatMap((file) => snippetsOf(file));
const documents = markdownFiles()
  .flatMap((file) => snippetsOf(file))
  .filter(({ language }) => language === "graphql");

describe("The snippets of the documentation", () => {
  it.concurrent.each(FILES.filter((file) => snippetsOf(file).some(isRun)))(
    "work as they stand in %s",
    async (file) => {
      expect(await runPage(file)).toBeGreaterThan(0);
    },
  );

  it("are in a language that the tests know", () => {
    expect(snippets.filter(({ language }) => !LANGUAGES.has(language))).toEqual([]);
  });

  it("have no instruction that the tests do not know", () => {
    expect(snippets.filter(({ instruction }) => !INSTRUCTION.test(instruction))).toEqual([]);
  });

  it("are JSON where they say so", () => {
    const texts = snippets.filter(({ language }) => language === "json").map(({ text }) => text);
    expect(() => texts.forEach((text) => JSON.parse(text))).not.toThrow();
  });

  it.each(documents)("select only fields of the schema: $place", ({ text }) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });
});

describe("README.md", () => {
  it("is shorter than 10 kB", () => {
    expect(Buffer.byteLength(readPage("README.md"))).toBeLessThan(10_000);
  });
});
