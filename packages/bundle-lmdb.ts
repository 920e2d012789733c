/**
 * Puts the library `lmdb` into the built server, with the licenses of what that contains.
 *
 * The library's package has a script that compiles it, about which npm warns at each installation. Nothing needs to be
 * compiled where a package `@lmdb/lmdb-*` has the binary. So these packages are our optional dependencies, and the rest, which is
 * JavaScript, becomes one file of our own.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const inProject = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

const BINDING = "dist/journal/lmdb/binding";

const { metafile } = await build({
  entryPoints: [inProject("src/journal/lmdb/binding/open-lmdb.ts")],
  outfile: inProject(`${BINDING}/open-lmdb.js`),
  absWorkingDir: inProject(""),
  bundle: true,
  minify: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  metafile: true,
  logLevel: "warning",
  // Makes numbers of MessagePack faster, which we do not store.
  external: ["msgpackr-extract"],
  // For the parts that are CommonJS.
  banner: {
    js: 'import { createRequire as createRequireOfBundle } from "node:module";\nconst require = createRequireOfBundle(import.meta.url);',
  },
});
// The library looks for its binary by the name in the manifest beside it.
writeFileSync(inProject(`${BINDING}/package.json`), `${JSON.stringify({ name: "lmdb", type: "module" })}\n`);
writeFileSync(inProject(`${BINDING}/LICENSES`), licensesOf(Object.keys(metafile.inputs)));

/** The licenses of the packages that these files belong to. */
function licensesOf(files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...folders].toSorted().map(licenseOf).join("\n\n");
}

/** The license in the manifest of a package, and its text. */
function licenseOf(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(inProject(`${folder}/package.json`), "utf8"));
  const { name, version, license } = manifest as Record<"name" | "version" | "license", string>; // npm requires them
  const path = inProject(`${folder}/LICENSE`);
  return `${name} ${version}: ${license}\n\n${existsSync(path) ? readFileSync(path, "utf8") : ""}`;
}
