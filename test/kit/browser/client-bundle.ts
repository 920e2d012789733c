import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

/** The settings of esbuild for the script of a page, which is minified and stays in memory. */
export const PAGE_SCRIPT = {
  bundle: true,
  minify: true,
  write: false,
  platform: "browser",
  target: "es2022",
  format: "iife",
} as const;

/**
 * The script that a page loads to use these exports: minified, with the exports as properties of `tidemark`.
 *
 * @param entry the entry below `src/client/`; without React, which it may import
 */
export async function bundleClient(
  names: readonly string[] = ["watch"],
  entry = "index.ts",
): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { ${names.join(", ")} } from "./${entry}";`,
      resolveDir: fileURLToPath(new URL("../../../src/client", import.meta.url)),
    },
    ...PAGE_SCRIPT,
    globalName: "tidemark",
    external: ["react"],
    plugins: [WITHOUT_NODE],
  });
  return outputFiles[0]!.text; // there is one entry
}

/** Does for the sources what the field `browser` of package.json does for the package. */
export const WITHOUT_NODE: Plugin = {
  name: "without-node",
  setup(bundler) {
    const path = fileURLToPath(new URL("../../../src/client/browser-only.ts", import.meta.url));
    bundler.onResolve({ filter: /\/node-only\.js$/ }, () => ({ path }));
  },
};
