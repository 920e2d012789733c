import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What a page that watches gets: one script, minified, whose exports are the properties of `tidemark`. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { watch } from "./index.ts";`,
      resolveDir: fileURLToPath(new URL("../../src/client", import.meta.url)),
    },
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
