import {
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  typeFromAST,
  valueFromAST,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  type GraphQLSchema,
  type VariableDefinitionNode,
} from "graphql";
import { PlanBailout } from "./plan-bailout.js";

/**
 * Coerces valid variables of an operation as graphql-js does. A worker's report is mostly variables, and graphql-js
 * inspects the type of each value each time. Here the reader of each type is built once per server.
 */
export class InputReaders {
  readonly #readers = new Map<GraphQLInputType, Read>();

  ofVariables(schema: GraphQLSchema, definitions: readonly VariableDefinitionNode[]): ReadVariables {
    const variables = definitions.map((definition) => this.#variable(schema, definition));
    return (values) => {
      const read: Record<string, unknown> = {};
      for (const variable of variables) {
        const { name } = variable;
        const value = readField(variable, Object.hasOwn(values, name) ? values[name] : undefined);
        if (value !== undefined) read[name] = value;
      }
      return read;
    };
  }

  #variable(schema: GraphQLSchema, definition: VariableDefinitionNode): InputField {
    const type = typeFromAST(schema, definition.type);
    if (!isInputType(type)) throw new PlanBailout();
    const { name } = definition.variable;
    if (name.value === "__proto__") throw new PlanBailout();
    const defaultValue = definition.defaultValue && valueFromAST(definition.defaultValue, type);
    return { name: name.value, isRequired: isNonNullType(type), defaultValue, read: this.#of(type) };
  }

  #of(type: GraphQLInputType): Read {
    const known = this.#readers.get(type);
    if (known) return known;
    // A recursive type refers to its own reader before it is complete.
    this.#readers.set(type, (value) => this.#of(type)(value));
    const reader = this.#create(type);
    this.#readers.set(type, reader);
    return reader;
  }

  #create(type: GraphQLInputType): Read {
    if (isNonNullType(type)) return required(this.#of(type.ofType));
    if (isListType(type)) return optional(list(this.#of(type.ofType)));
    if (isInputObjectType(type)) return optional(object(type, this.#fields(type)));
    return optional(leaf(type));
  }

  #fields(type: GraphQLInputObjectType): InputField[] {
    return Object.values(type.getFields()).map(({ name, type: fieldType, defaultValue }) => ({
      name,
      isRequired: isNonNullType(fieldType),
      defaultValue,
      read: this.#of(fieldType),
    }));
  }
}

/** @throws PlanBailout or any other error where graphql-js would report an error. */
export type ReadVariables = (values: Values) => Values;

type Values = Readonly<Record<string, unknown>>;
type Read = (value: unknown) => unknown;

/** A field of an input object, or a variable. */
interface InputField {
  readonly name: string;
  readonly isRequired: boolean;
  readonly defaultValue: unknown;
  readonly read: Read;
}

/** undefined if the field is omitted. */
function readField({ isRequired, defaultValue, read }: InputField, value: unknown): unknown {
  if (value !== undefined) return read(value);
  if (defaultValue === undefined && isRequired) throw new PlanBailout();
  return defaultValue;
}

function optional(read: Read): Read {
  return (value) => (value === null ? null : read(value));
}

function required(read: Read): Read {
  return (value) => {
    if (value === null) throw new PlanBailout();
    return read(value);
  };
}

/** A single value is coerced to a list of one. */
function list(read: Read): Read {
  return (value) => (Array.isArray(value) ? value.map((item: unknown) => read(item)) : [read(value)]);
}

function leaf(type: GraphQLLeafType): Read {
  return (value) => {
    const parsed: unknown = type.parseValue(value);
    if (parsed === undefined) throw new PlanBailout();
    return parsed;
  };
}

function object({ isOneOf }: GraphQLInputObjectType, fields: readonly InputField[]): Read {
  const names = new Set(fields.map(({ name }) => name));
  return (value) => {
    if (isOneOf || typeof value !== "object" || Array.isArray(value)) throw new PlanBailout();
    for (const name in value) if (!names.has(name)) throw new PlanBailout();
    const values = value as Values; // safe: it is an object, and optional() has handled null
    const read: Record<string, unknown> = {};
    for (const field of fields) {
      const fieldValue = readField(field, values[field.name]);
      if (fieldValue !== undefined) read[field.name] = fieldValue;
    }
    return read;
  };
}
