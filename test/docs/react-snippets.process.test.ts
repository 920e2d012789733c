import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { snippetsOf } from "./markdown.js";

/** Compiles the `tsx` and `ts` snippets, and a check of the types, as an application of Vite's template does, against the built package. */
it("the React snippets of the documentation compile as they stand", async () => {
  const folder = temporaryFolder();
  const snippets = snippetsOf("docs/react.md").filter(({ language }) => /^tsx?$/.test(language));
  for (const [index, { language, text }] of snippets.entries())
    writeFileSync(join(folder, `snippet-${index}.${language}`), text);
  writeFileSync(join(folder, "App.ts"), `export { default } from "./snippet-0";\n`);
  writeFileSync(join(folder, "session.ts"), `export const session = { accessToken: async () => "token" };\n`);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: TEMPLATE }));
  writeFileSync(join(folder, "types.ts"), TYPES);
  for (const name of PACKAGES) link(name, folder);

  const script = join(PROJECT, "node_modules/typescript-7/bin/tsc");
  await using compiler = Program.node([script], { cwd: folder });
  await compiler.exited;

  expect(compiler.out).toEqual([]);
  expect(snippets.length).toBeGreaterThanOrEqual(7);
});

/** What the types infer, and which mistakes they find. */
const TYPES = `
import { useJob, useJobs, type WatchedJob } from "tidemark-client/react";

export function useTypes(): [WatchedJob | undefined, number, string | undefined] {
  const { data: jobs } = useJobs();
  const { data: count } = useJobs({ status: ["RUNNING"] }, { select: (all) => all.length });
  const { data: percent } = useJob(jobs[0], { select: (job) => job?.task.progress.percent });
  // @ts-expect-error -- the field is misspelled
  useJobs({ usename: "ada" });
  // @ts-expect-error -- no job id
  useJob({ username: "ada" });
  return [useJob(undefined).data, count, percent];
}
`;

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
