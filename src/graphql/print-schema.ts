import { readFile, writeFile } from "node:fs/promises";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "./schema.js";

/**
 * Prints the API to schema/schema.graphql, from which client code is generated.
 *
 *     npm run schema               writes the file
 *     npm run schema -- --check    writes nothing, and exits with 1 if the file is out of date
 */
const file = new URL("../../schema/schema.graphql", import.meta.url);
const text = `${printSchema(lexicographicSortSchema(schema))}\n`;

if (!process.argv.includes("--check")) {
  await writeFile(file, text);
} else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
  process.stderr.write("schema/schema.graphql is out of date. Run `npm run schema` and commit the file.\n");
  process.exitCode = 1;
}
