import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The script that a page loads to use these exports: minified, with the exports as properties of `tidemark`. */
export async function bundleClient(names: readonly string[] = ["watch"]): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { ${names.join(", ")} } from "./index.ts";`,
      resolveDir: fileURLToPath(new URL("../../../src/client", import.meta.url)),
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
