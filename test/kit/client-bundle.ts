import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The client as a page gets it: one script, minified, whose exports are the properties of `tidemark`. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../../src/client/index.ts", import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    target: "es2022",
    format: "iife",
    globalName: "tidemark",
  });
  return outputFiles[0]!.text; // there is one entry
}
