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
      hooks: {
        beforeOneFileWrite: (_path: string, content: string) => withOwnType(withShortDocuments(content)),
      },
    },
  },
};

export default config;

/** Makes each document a string on one line, because documents are a part of every page that uses the SDK. */
function withShortDocuments(content: string): string {
  return content.replaceAll(
    /new TypedDocumentString\(`([^`]*)`[^`)]*\)/g,
    (_, document: string) =>
      `\`${document
        .replaceAll(/\s+/g, " ")
        .replaceAll(/ ?([^\w.$@"]) ?/g, "$1")
        .trim()}\``,
  );
}

/** Declares the type of documents here: the SDK has no dependencies, and its published types import no package. */
function withOwnType(content: string): string {
  return content
    .replace(/^import type \{ DocumentTypeDecoration \}.*$/m, "")
    .replace(/^export class TypedDocumentString[^]*?^\}$/m, DOCUMENT_TYPE);
}

const DOCUMENT_TYPE = `/** A document that knows the types of its variables and its data. */
export interface TypedDocumentString<TResult, TVariables> extends String {
  readonly __apiType?: (variables: TVariables) => TResult;
}`;
