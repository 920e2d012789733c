import { readFile, writeFile } from "node:fs/promises";
import { configurationReference } from "./reference.js";

/**
 * Writes docs/configuration.md.
 *
 *     npm run docs               writes the file
 *     npm run docs -- --check    writes nothing, and exits with 1 if the file is stale
 */
const file = new URL("../../docs/configuration.md", import.meta.url);
const text = configurationReference();

if (!process.argv.includes("--check")) {
  await writeFile(file, text);
} else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
  process.stderr.write("docs/configuration.md is stale. Run `npm run docs` and commit it.\n");
  process.exitCode = 1;
}
