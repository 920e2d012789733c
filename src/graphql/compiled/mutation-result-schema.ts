import { GraphQLObjectType, GraphQLSchema } from "graphql";
import { outcomeOf, type MutationOutcomes } from "./operation-plan.js";

/**
 * `schema` for graphql-js to answer a mutation with that was already performed: the root value is what it came
 * to, so nothing is done twice.
 */
export function createMutationResultSchema(schema: GraphQLSchema): GraphQLSchema {
  const mutation = schema.getMutationType();
  if (!mutation) return schema;
  const { fields, ...config } = mutation.toConfig();
  const answering = Object.entries(fields).map(([name, field]) => [
    name,
    {
      ...field,
      resolve: (
        performed: MutationOutcomes,
        _: unknown,
        __: unknown,
        { path }: { path: { key: string | number } },
      ) => outcomeOf(performed, String(path.key)),
    },
  ]);
  const { types, ...rest } = schema.toConfig();
  return new GraphQLSchema({
    ...rest,
    types: types.filter((type) => type !== mutation),
    mutation: new GraphQLObjectType({ ...config, fields: Object.fromEntries(answering) }),
    assumeValid: true,
  });
}
