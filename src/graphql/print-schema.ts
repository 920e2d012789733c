import { readFile, writeFile } from "node:fs/promises";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "./schema.js";

/**
 * Prints the API to schema/schema.graphql, which clients and their generated code are made from.
 *
 *     npm run schema               writes the file
 *     npm run schema -- --check    writes nothing, and exits with 1 when the file is stale
 */
const file = new URL("../../schema/schema.graphql", import.meta.url);
const text = `${printSchema(lexicographicSortSchema(schema))}\n`;

if (!process.argv.includes("--check")) {
  await writeFile(file, text);
} else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
  process.stderr.write(
    "schema/schema.graphql is not what the code says. Run `npm run schema` and commit it.\n",
  );
  process.exitCode = 1;
}
