/**
 * `npm run codegen`: makes the client's types and documents from the printed schema and from
 * `schema/operations`, so that an operation that no longer fits the schema fails the build.
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
        // A document goes over the wire as text, so the client needs no GraphQL parser.
        documentMode: "string",
        importExtension: ".js",
        useTypeImports: true,
        // A scalar that is new to the schema has to be named below.
        strictScalars: true,
        scalars: { ID: "string", DateTime: "string", SafeInt: "number", Position: "string" },
      },
      hooks: { beforeOneFileWrite: withPureDocuments },
    },
  },
};

export default config;

/** A bundler leaves out a document that nobody imports only where it is told that making one has no effect. */
function withPureDocuments(_path: string, content: string): string {
  return content.replaceAll("= new TypedDocumentString(", "= /*#__PURE__*/ new TypedDocumentString(");
}
