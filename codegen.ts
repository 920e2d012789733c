/**
 * `npm run codegen` generates the client's types and documents from the printed schema and `schema/operations`.
 * An operation that no longer fits the schema fails the build.
 */
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema/schema.graphql",
  documents: "schema/operations/*.graphql",
  generates: {
    "src/client/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        // Documents as strings, so that the client needs no GraphQL parser.
        documentMode: "string",
        importExtension: ".js",
        useTypeImports: true,
        // Fails for a scalar of the schema that is not listed below.
        strictScalars: true,
        scalars: { ID: "string", DateTime: "string", SafeInt: "number", Position: "string" },
      },
      hooks: { beforeOneFileWrite: withPureDocuments },
    },
  },
};

export default config;

/** Marks documents as free of side effects, so that bundlers drop unused ones, and writes each on one line. */
function withPureDocuments(_path: string, content: string): string {
  return content.replaceAll(
    /= new TypedDocumentString\(`([^`]*)`/g,
    (_, text: string) =>
      `= /*#__PURE__*/ new TypedDocumentString(\`${text
        .trim()
        .replaceAll(/\s+/g, " ")
        .replaceAll(/ ?([{}():!=]) ?/g, "$1")}\``,
  );
}
