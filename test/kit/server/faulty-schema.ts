import { extendSchema, isObjectType, parse, type GraphQLSchema } from "graphql";
import { schema } from "../../../src/graphql/schema.js";
import { assert } from "../../../src/util/assert.js";

/**
 * A copy of the schema in which the resolver of one field throws, like one with a defect.
 * @param field as in "UserTask.tasks". @param isFaulty selects the values on which it throws.
 */
export function faultySchema(
  field: string,
  isFaulty: (source: unknown) => boolean = () => true,
): GraphQLSchema {
  const copy = extendSchema(schema, parse("extend type Query { unused: Int }"));
  const [typeName = "", fieldName = ""] = field.split(".");
  const type = copy.getType(typeName);
  assert(isObjectType(type), "the type exists");
  const faulty = type.getFields()[fieldName];
  assert(faulty !== undefined, "the field exists");
  const { resolve } = faulty;
  faulty.resolve = (source, args, context, info) => {
    if (isFaulty(source)) throw new TypeError("planted");
    return resolve?.(source, args, context, info);
  };
  return copy;
}
