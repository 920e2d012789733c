import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { snippetsOf } from "./markdown.js";

/** Compiles the `tsx` and `ts` snippets as an application of Vite's template does, against the built package. */
it("the React snippets of the documentation compile as they stand", async () => {
  const folder = temporaryFolder();
  const snippets = snippetsOf("docs/react.md").filter(({ language }) => /^tsx?$/.test(language));
  for (const [index, { language, text }] of snippets.entries())
    writeFileSync(join(folder, `${index === 0 ? "jobs" : `snippet-${index}`}.${language}`), text);
  writeFileSync(join(folder, "session.ts"), `export const session = { accessToken: async () => "token" };\n`);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: TEMPLATE }));
  for (const name of PACKAGES) link(name, folder);

  const script = join(PROJECT, "node_modules/typescript-7/bin/tsc");
  await using compiler = Program.node([script], { cwd: folder });
  await compiler.exited;

  expect(compiler.out).toEqual([]);
  expect(snippets.length).toBeGreaterThanOrEqual(7);
});

const PACKAGES = [
  "@types/react",
  "@types/react-dom",
  "@vitejs/plugin-react",
  "react",
  "react-dom",
  "tidemark-client",
  "vite",
];

/** The options of `npm create vite -- --template react-ts`. */
const TEMPLATE = {
  target: "es2023",
  lib: ["ES2023", "DOM"],
  module: "esnext",
  types: ["vite/client"],
  moduleResolution: "bundler",
  verbatimModuleSyntax: true,
  moduleDetection: "force",
  noEmit: true,
  jsx: "react-jsx",
  strict: true,
  skipLibCheck: false,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
};

function link(name: string, folder: string): void {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(PROJECT, "node_modules", name), path);
}
