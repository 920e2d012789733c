import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
} from "graphql";
import { schema } from "../../../src/graphql/schema.js";
import type { FuzzRandom } from "./random.js";

/**
 * Operations that the schema more or less allows, with random fields, arguments and values. Most are mutations
 * of earlier ones, which are cheap to make.
 */
export class FuzzDocuments {
  readonly #random: FuzzRandom;
  readonly #kept: string[] = [];

  constructor(random: FuzzRandom) {
    this.#random = random;
  }

  /** A query, mutation or subscription, possibly damaged. */
  next(): FuzzRequest {
    const query = this.#random.chance(0.2) ? this.#keptOne() : this.#random.mutatedText(this.#keptOne());
    return this.#random.chance(0.8) ? { query } : { query, variables: this.#anyObject(3) };
  }

  /** An operation that the server has cached, with new variables. */
  nextVariables(): FuzzRequest {
    const variables = {
      database: this.#anyName(),
      username: this.#anyName(),
      jobId: this.#anyName(),
      input: this.#anyInput(),
      inputs: this.#random.some(3, () => this.#anyInput()),
      first: this.#anyName(),
      after: this.#anyName(),
      ids: this.#random.some(3, () => this.#anyName()),
    };
    return { query: this.#random.pick(KNOWN), variables };
  }

  #anyInput(): object {
    return {
      database: this.#anyName(),
      username: this.#anyName(),
      jobId: this.#anyName(),
      ...(this.#random.chance(0.5)
        ? { task: { description: this.#anyName(), volume: this.#anyName() } }
        : { updates: this.#random.some(2, () => ({ path: this.#anyName(), done: this.#anyName() })) }),
      ...(this.#random.chance(0.2) && this.#anyObject(2)),
    };
  }

  #anyName(): unknown {
    return this.#random.chance(0.9) ? this.#random.name() : this.#anyValue(2);
  }

  #keptOne(): string {
    const place = this.#random.below(KEPT);
    if (this.#random.chance(0.05)) delete this.#kept[place];
    return (this.#kept[place] ??= this.#document());
  }

  #document(): string {
    const kind = this.#random.pick(["query", "query", "mutation", "mutation", "subscription"] as const);
    const root = {
      query: schema.getQueryType(),
      mutation: schema.getMutationType(),
      subscription: schema.getSubscriptionType(),
    }[kind]!;
    const fields = Object.values(root.getFields());
    const count = kind === "subscription" ? 1 : 1 + this.#random.below(3);
    const selected = Array.from(
      { length: count },
      (_, at) => `f${at}: ${this.#field(this.#random.pick(fields), 3)}`,
    );
    return `${kind} { ${selected.join(" ")} }`;
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const given = field.args.filter((argument) => this.#isGiven(isRequiredArgument(argument)));
    const text = given.map((argument) => this.#argument(argument)).join(" ");
    return `${field.name}${text && `(${text})`}${this.#selection(getNamedType(field.type), depth)}`;
  }

  #argument({ name, type }: GraphQLArgument): string {
    return `${name}: ${this.#literal(type, 4)}`;
  }

  #selection(type: GraphQLNamedType, depth: number): string {
    if (isUnionType(type) || isInterfaceType(type)) {
      const possible = this.#random.pick(schema.getPossibleTypes(type));
      return ` { __typename ... on ${possible.name}${this.#selection(possible, depth)} }`;
    }
    if (!isObjectType(type)) return "";
    const fields = Object.values(type.getFields());
    const chosen = this.#random.some(4, () => this.#random.pick(fields));
    const deeper = depth > 0 ? chosen.map((field) => this.#field(field, depth - 1)) : [];
    return ` { ${["__typename", ...deeper].join(" ")} }`;
  }

  #literal(type: GraphQLInputType, depth: number): string {
    const { chance, below } = {
      chance: (p: number) => this.#random.chance(p),
      below: (n: number) => this.#random.below(n),
    };
    if (chance(0.02)) return this.#random.pick(["null", "1", '"x"', "[]", "{}", "$x", "RUNNING"]);
    if (isNonNullType(type)) return this.#literal(type.ofType, depth);
    if (isListType(type))
      return `[${this.#random.some(3, () => this.#literal(type.ofType, depth)).join(" ")}]`;
    if (isEnumType(type)) return this.#random.pick(type.getValues()).name;
    if (!isInputObjectType(type))
      return chance(0.5) ? this.#numberFor(type.name) : JSON.stringify(this.#textFor(type.name, below));
    const fields = Object.values(type.getFields());
    const given = fields.filter((field) => this.#isGiven(isRequiredInputField(field)));
    const written = given.map(
      (field) => `${field.name}: ${depth > 0 ? this.#literal(field.type, depth - 1) : "null"}`,
    );
    return `{${written.join(" ")}}`;
  }

  #numberFor(typeName: string): string {
    if (typeName === "Boolean") return this.#random.pick(["true", "false"]);
    if (typeName === "Int" || typeName === "Float" || typeName === "Long") return this.#random.pick(NUMBERS);
    return JSON.stringify(this.#random.name());
  }

  #textFor(typeName: string, below: (end: number) => number): string {
    if (typeName === "Position") return `${"A".repeat(12)}.${below(100)}`;
    return this.#random.name();
  }

  #isGiven(isRequired: boolean): boolean {
    return this.#random.chance(isRequired ? 0.98 : 0.4);
  }

  #anyObject(depth: number): Record<string, unknown> {
    return Object.fromEntries(this.#random.some(4, () => [this.#random.name(), this.#anyValue(depth)]));
  }

  #anyValue(depth: number): unknown {
    if (depth === 0 || this.#random.chance(0.5))
      return this.#random.pick([null, true, 0, -1, 1e308, "x", this.#random.name()]);
    return this.#random.chance(0.5)
      ? this.#anyObject(depth - 1)
      : this.#random.some(3, () => this.#anyValue(depth - 1));
  }
}

export interface FuzzRequest {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const KEPT = 300;

/** The operations that workers and user interfaces repeat. */
const KNOWN = [
  `query ($database: String!, $username: String!, $jobId: ID!) { task(database: $database, username: $username, jobId: $jobId) { id tasks { path progress { bar } } } }`,
  `query ($database: String!, $first: Int, $after: String) { tasks(database: $database, first: $first, after: $after) { totalCount nodes { jobId } } }`,
  `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`,
  `query ($database: String!, $jobId: ID) { listProgress(database: $database, jobId: $jobId) { taskName progress } }`,
  `mutation ($input: StoreTaskInput!) { storeTask(input: $input) { outcome userTask { position } } }`,
  `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userTask { version } } }`,
  `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { version } error { code message } } }`,
  `subscription ($database: String!, $after: Position) { taskEvents(database: $database, after: $after) { position } }`,
];

const NUMBERS = [
  "0",
  "1",
  "2",
  "-1",
  "100",
  "101",
  "2147483647",
  "2147483648",
  "9007199254740993",
  "1.5",
  "1e400",
];
