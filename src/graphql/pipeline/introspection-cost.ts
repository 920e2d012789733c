import {
  getNamedType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type SelectionSetNode,
} from "graphql";

/**
 * Counts the fields of an introspection answer. No page and no AnswerBudget bounds such an answer, but the schema is
 * known: the count follows the resolvers of graphql-js over it, and visits each selection once for each part of the schema.
 */
export class IntrospectionCost {
  readonly #info: GraphQLResolveInfo;
  readonly #fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly #counts = new Map<SelectionSetNode, Map<unknown, number>>();

  constructor(schema: GraphQLSchema, fragments: Readonly<Record<string, FragmentDefinitionNode>>) {
    this.#info = { schema } as GraphQLResolveInfo; // safe: these resolvers read nothing else
    this.#fragments = fragments;
  }

  /**
   * The cost of `__schema` or `__type`; undefined for every other field.
   * @param typeName the argument of `__type`; undefined for the largest type of the schema.
   */
  root(node: FieldNode, typeName: string | undefined): number | undefined {
    const { schema } = this.#info;
    switch (node.name.value) {
      case SchemaMetaFieldDef.name:
        return COST_OF_FIELD * this.#field(SchemaMetaFieldDef, node, schema);
      case TypeMetaFieldDef.name: {
        const types = schema.getTypeMap();
        const possible = typeName === undefined ? Object.values(types) : [types[typeName]];
        return COST_OF_FIELD * Math.max(...possible.map((type) => this.#field(TypeMetaFieldDef, node, type)));
      }
      default:
        return undefined;
    }
  }

  #field({ type }: GraphQLField<unknown, unknown>, { selectionSet }: FieldNode, value: unknown): number {
    if (!selectionSet) return 1;
    // Safe: in introspection, only object types have fields.
    const objectType = getNamedType(type) as GraphQLObjectType;
    const items: unknown[] = Array.isArray(value) ? value : [value];
    return items.reduce<number>((sum, item) => sum + this.#selectionSet(objectType, selectionSet, item), 1);
  }

  #selectionSet(type: GraphQLObjectType, selectionSet: SelectionSetNode, source: unknown): number {
    if (source === null || source === undefined) return 0;
    const counts = this.#counts.get(selectionSet) ?? new Map<unknown, number>();
    this.#counts.set(selectionSet, counts);
    const known = counts.get(source);
    if (known !== undefined) return known;
    const count = this.#count(type, selectionSet, source);
    counts.set(source, count);
    return count;
  }

  /** A fragment in an introspection answer has the type that it is spread in: there are no abstract types. */
  #count(type: GraphQLObjectType, { selections }: SelectionSetNode, source: unknown): number {
    return selections.reduce((sum, selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return sum + this.#below(type, selection, source);
        case Kind.INLINE_FRAGMENT:
          return sum + this.#selectionSet(type, selection.selectionSet, source);
        case Kind.FRAGMENT_SPREAD:
          return sum + this.#selectionSet(type, this.#fragments[selection.name.value]!.selectionSet, source);
      }
    }, 0);
  }

  #below(type: GraphQLObjectType, node: FieldNode, source: unknown): number {
    const field = type.getFields()[node.name.value];
    if (!field || !node.selectionSet) return 1; // __typename, or a leaf
    return this.#field(field, node, field.resolve?.(source, WITH_DEPRECATED, undefined, this.#info));
  }
}

/** The count is a maximum, so it includes what the arguments may exclude. */
const WITH_DEPRECATED = { includeDeprecated: true };

/**
 * Fields of a job that one field of the schema stands for. graphql-js executes introspection uncompiled, and no client
 * needs the schema twice in one answer: with the default limit about three complete copies fit.
 */
const COST_OF_FIELD = 15;
