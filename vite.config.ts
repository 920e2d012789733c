/**
 * Builds the dashboard from `src/web` to `dist/web`, which the server serves (src/server/pages/static-files.ts).
 * `npm run dev:web` serves it during development, with the data of the server at TIDEMARK_URL.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const inProject = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const server = process.env["TIDEMARK_URL"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  root: inProject("src/web"),
  // Relative, so that it works behind a path prefix.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [precompressed()],
  // Does for the sources what the field `browser` of package.json does for the package.
  resolve: { alias: [{ find: /^.*\/node-only\.js$/, replacement: inProject("src/client/browser-only.ts") }] },
  build: {
    outDir: inProject("dist/web"),
    emptyOutDir: true,
    target: "es2022",
    // The Content-Security-Policy blocks data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A slow machine is nothing to warn about.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    port: 4001,
    strictPort: true,
    proxy: { "/graphql": { target: server, ws: true }, "/about": server, "/demo": server },
  },
});

/** Also writes each file as .gz and .br, as the server does not compress. */
function precompressed(): Plugin {
  const toGzip = promisify(gzip);
  const toBrotli = promisify(brotliCompress);
  return {
    name: "precompressed",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const compress = async (name: string): Promise<void> => {
        const path = join(dir, name);
        const content = await readFile(path);
        await Promise.all([
          writeFile(`${path}.gz`, await toGzip(content, { level: 9 })),
          writeFile(`${path}.br`, await toBrotli(content)),
        ]);
      };
      await Promise.all(Object.keys(bundle).map(compress));
    },
  };
}
