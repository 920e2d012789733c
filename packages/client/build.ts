/**
 * Builds `tidemark-client` from the sources of the SDK and the declarations in `dist/`, for programs with `import`
 * (`dist/esm`) and with `require` (`dist/cjs`).
 *
 * Each entry of the package becomes one file, because that loads in a third of the time of sixty files. Entries share chunks, so
 * that an error has one class, whichever entry a program imports. The CommonJS files are the ES modules, translated one by one.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type PluginBuild } from "esbuild";

const inPackage = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Those of the compiler, which builds the server and the SDK before. */
const DECLARATIONS = inPackage("../../dist/");
const ESM = inPackage("dist/esm/");
const CJS = inPackage("dist/cjs/");
/** The exports of the package, by the names of their files. */
const EXPORTS = { index: "client/index", react: "client/react/index" };
/** The two files that the field `browser` of the package exchanges. */
const PLATFORMS = { "node-only": "client/node-only", "browser-only": "client/browser-only" };
const SETTINGS = { target: "es2022", platform: "node", logLevel: "warning" } as const;

rmSync(inPackage("dist"), { recursive: true, force: true });
await bundleWs();
await build({
  ...SETTINGS,
  plugins: [{ name: "bundled-ws", setup: useBundledWs }],
  entryPoints: Object.entries({ ...EXPORTS, ...PLATFORMS }).map(([out, source]) => ({
    out,
    in: inPackage(`../../src/${source}.ts`),
  })),
  outdir: ESM,
  format: "esm",
  bundle: true,
  splitting: true,
  packages: "external",
  chunkNames: "chunk-[hash]",
});
await build({
  ...SETTINGS,
  entryPoints: readdirSync(ESM).map((file) => join(ESM, file)),
  outdir: CJS,
  format: "cjs",
  // Otherwise Jest could not load a program that reports.
  supported: { "dynamic-import": false },
});
cpSync(inPackage("../../LICENSE"), inPackage("LICENSE"));
writeFileSync(join(CJS, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
for (const source of Object.values(EXPORTS)) copyDeclarations(join(DECLARATIONS, `${source}.d.ts`));
cpSync(join(ESM, "types"), join(CJS, "types"), { recursive: true });

/** Writes `dist/ws.cjs`, the WebSocket of Node.js, so that the package has no dependencies. */
async function bundleWs(): Promise<void> {
  await build({
    ...SETTINGS,
    stdin: { contents: `export { WebSocket } from "ws";`, resolveDir: inPackage(".") },
    outfile: inPackage("dist/ws.cjs"),
    format: "cjs",
    bundle: true,
    minify: true,
    external: ["bufferutil", "utf-8-validate"], // ws loads them if they are installed
    banner: { js: `/* ws\n\n${readFileSync(inPackage("../../node_modules/ws/LICENSE"), "utf8")}*/` },
  });
}

function useBundledWs({ onResolve }: PluginBuild): void {
  onResolve({ filter: /^ws$/ }, () => ({ path: "../ws.cjs", external: true }));
}

/** Copies a declaration with all that it imports. The same text declares a module of either format, by where it is. */
function copyDeclarations(path: string): void {
  const copy = join(ESM, "types", relative(DECLARATIONS, path));
  if (existsSync(copy)) return;
  cpSync(path, copy);
  for (const [, imported] of readFileSync(path, "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.js"/g))
    copyDeclarations(join(dirname(path), `${imported}.d.ts`));
}
