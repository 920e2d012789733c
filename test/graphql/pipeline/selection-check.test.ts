import { readdirSync, readFileSync } from "node:fs";
import { Kind, OperationTypeNode, parse, type DefinitionNode, type OperationDefinitionNode } from "graphql";
import { describe, expect, it } from "vitest";
import { traitsOf } from "../../../src/graphql/field-traits.js";
import { fragmentsOf } from "../../../src/graphql/pipeline/document-cost.js";
import { SelectionCheck, type AnswerSizes } from "../../../src/graphql/pipeline/selection-check.js";
import { schema } from "../../../src/graphql/schema.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";
import { openPlanFixture } from "../compiled/plan-fixture.js";
import {
  argumentsBelow,
  excluded,
  fieldsBelow,
  FORMS,
  listsObjects,
  rootFields,
} from "./generated-selections.js";

const JOB = `database: "neo4j", username: "alice", jobId: "job"`;
const TASK = `{ description: "a" }`;

/** Every mutation that answers with jobs. */
const MUTATIONS: Readonly<Record<string, string>> = {
  storeTask: `storeTask(input: { ${JOB}, task: ${TASK} })`,
  updateTask: `updateTask(input: { ${JOB}, updates: { path: "0", add: 1 } })`,
  updateTasks: `updateTasks(inputs: [{ ${JOB}, updates: { path: "0", add: 1 } }])`,
  addTasks: `addTasks(input: { ${JOB}, tasks: ${TASK} })`,
  removeTask: `removeTask(input: { ${JOB} })`,
  requestCancel: `requestCancel(input: { ${JOB} })`,
};

const SUBSCRIPTIONS: Readonly<Record<string, string>> = {
  taskEvents: `taskEvents(database: "neo4j")`,
  task: `task(${JOB})`,
  cancelRequests: `cancelRequests(database: "neo4j")`,
};

const mutationFields = rootFields(schema.getMutationType()!);
const subscriptionFields = rootFields(schema.getSubscriptionType()!);

const mutationCases = mutationFields.flatMap((field) =>
  argumentsBelow(field).flatMap((generated) =>
    FORMS.map(([form, write]) => ({
      name: `${field.name}: ${generated.name} as ${form}`,
      generated,
      request: write("mutation", MUTATIONS[field.name]!, generated),
      excluded: excluded("mutation", MUTATIONS[field.name]!, generated),
    })),
  ),
);
const subscriptionCases = subscriptionFields.flatMap((field) =>
  argumentsBelow(field).flatMap((generated) =>
    FORMS.map(([form, write]) => ({
      name: `${field.name}: ${generated.name} as ${form}`,
      generated,
      request: write("subscription", SUBSCRIPTIONS[field.name]!, generated),
    })),
  ),
);

/** Whether the bounds of the arguments exclude a value: the specification, apart from the code. */
const BOUNDS: Readonly<Record<string, (value: number) => boolean>> = {
  "UserTask.log.last": (value) => value >= 0 && value <= 200,
  "Progress.bar.width": (value) => value >= 1 && value <= 100,
};

function isValid({
  reachable: { parent, field },
  argument,
  value,
}: (typeof mutationCases)[0]["generated"]): boolean {
  const isWithin = BOUNDS[`${parent}.${field.name}.${argument.name}`];
  return isWithin === undefined || isWithin(value as number);
}

const invalid = mutationCases.filter(({ generated }) => !isValid(generated));
const valid = mutationCases.filter(({ generated }) => isValid(generated));

describe("A mutation that selects a field with an invalid argument", () => {
  it("is generated for each field with arguments below each root field", () => {
    expect(new Set(invalid.map(({ name }) => name.split(/[:.(]/).slice(0, 3).join(".")))).toEqual(
      new Set(Object.keys(MUTATIONS).flatMap((root) => [`${root}. UserTask.log`, `${root}. Progress.bar`])),
    );
  });

  it.each(invalid)("changes nothing on its first use: $name", async ({ request }) => {
    await using world = await openPlanFixture();
    const before = await world.state();

    const { data, errors } = await world.answer(request);

    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions["code"]).toMatch(/^(BAD_USER_INPUT|LIMIT_EXCEEDED)$/);
    expect(await world.state()).toBe(before);
  });

  it.each(invalid)("changes nothing when it is compiled: $name", async ({ request }) => {
    await using world = await openPlanFixture();
    const before = await world.state();

    const { data, errors } = await world.answerAgain(request);

    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions["code"]).toMatch(/^(BAD_USER_INPUT|LIMIT_EXCEEDED)$/);
    expect(await world.state()).toBe(before);
  });

  it.each(invalid)("is applied if a variable excludes the field: $name", async ({ excluded: request }) => {
    await using world = await openPlanFixture();
    const before = await world.state();

    expect((await world.answer(request)).errors).toBeUndefined();
    expect(await world.state()).not.toBe(before);
  });

  it.each(valid)("is applied if the argument is valid: $name", async ({ request }) => {
    await using first = await openPlanFixture();
    await using again = await openPlanFixture();
    const before = await first.state();

    expect((await first.answer(request)).errors).toBeUndefined();
    expect((await again.answerAgain(request)).errors).toBeUndefined();
    expect(await first.state()).not.toBe(before);
  });
});

describe("A mutation changes nothing", () => {
  it.each([
    [
      "if a later root field selects too much",
      `mutation { a: ${MUTATIONS["updateTask"]} { userTask { version } } b: ${MUTATIONS["updateTask"]} { userTask { log(last: 201) { path } } } }`,
      {},
    ],
    [
      "if null is given for a non-null argument of its selection",
      `mutation ($w: Int = 1) { ${MUTATIONS["updateTask"]} { userTask { task { progress { bar(width: $w) } } } } }`,
      { w: null },
    ],
    [
      "if null is given for a directive of its selection",
      `mutation ($in: Boolean = true) { ${MUTATIONS["updateTask"]} { userTask { version @include(if: $in) } } }`,
      { in: null },
    ],
    [
      "if a variable of its selection has the wrong type",
      `mutation ($w: Int!) { ${MUTATIONS["updateTask"]} { userTask { task { progress { bar(width: $w) } } } } }`,
      { w: "x" },
    ],
  ])("%s", async (_, query, variables) => {
    await using world = await openPlanFixture();
    const before = await world.state();

    expect(await world.answer({ query, variables })).toEqual({ errors: [expect.anything()] });
    expect(await world.answerAgain({ query, variables })).toEqual({ errors: [expect.anything()] });
    expect(await world.state()).toBe(before);
  });
});

describe("A subscription", () => {
  it.each(subscriptionCases)(
    "is rejected exactly if an argument of its events is invalid: $name",
    async ({ generated, request }) => {
      await using world = await openPlanFixture({ itemsPerAnswerMax: 10_000_000 });

      expect(await world.isRejected(request)).toBe(!isValid(generated));
      expect(await world.isRejected(request)).toBe(!isValid(generated));
    },
  );

  it.each([
    [
      "six trees",
      `${SUBSCRIPTIONS["task"]} { a: tasks { path } b: tasks { path } c: tasks { path } d: tasks { path } e: tasks { path } f: tasks { path } }`,
    ],
    [
      "the sub-tasks of each task, five deep",
      `${SUBSCRIPTIONS["task"]} { tasks { subTasks { subTasks { subTasks { subTasks { subTasks { path } } } } } } }`,
    ],
    ["the trees of canceled jobs", `${SUBSCRIPTIONS["cancelRequests"]} { tasks { path } }`],
    ["51 lines of each canceled job", `${SUBSCRIPTIONS["cancelRequests"]} { log(last: 51) { path } }`],
    [
      "trees and changes",
      `${SUBSCRIPTIONS["taskEvents"]} { ... on TaskUpdated { changed { subTasks { subTasks { path } } } userTask { tasks { path } x: tasks { subTasks { path } } } } }`,
    ],
  ])("is rejected if its largest event would list too much: %s", async (_, root) => {
    await using world = await openPlanFixture();

    expect(await world.answer({ query: `subscription { ${root} }` })).toMatchObject({
      errors: [{ extensions: { code: "LIMIT_EXCEEDED", limit: "itemsPerAnswerMax" } }],
    });
  });

  it.each([
    [
      "the tree, the changes and the whole log",
      `${SUBSCRIPTIONS["taskEvents"]} { ... on TaskUpdated { changed { path } userTask { tasks { path } log(last: 200) { path } } } }`,
    ],
    [
      "the tree, level by level",
      `${SUBSCRIPTIONS["task"]} { task { subTasks { subTasks { subTasks { subTasks { subTasks { subTasks { path } } } } } } } }`,
    ],
    [
      "one tree, in several fragments",
      `${SUBSCRIPTIONS["task"]} { tasks { path } tasks { depth } ... { tasks { id } } ... on UserTask { tasks { kind } } tasks { message } tasks { rate } }`,
    ],
    ["the log of canceled jobs", `${SUBSCRIPTIONS["cancelRequests"]} { log { path } }`],
  ])("is accepted by default if it lists %s", async (_, root) => {
    await using world = await openPlanFixture();

    expect(await world.isRejected({ query: `subscription { ${root} }` })).toBe(false);
  });

  it("is accepted by default if it is one of the client, the command line, the dashboard or GraphiQL", () => {
    const operations = ownOperations();

    expect(operations.length).toBeGreaterThan(2);
    expect(operations.map(({ text, operation }) => sizesOf(text, operation))).toEqual(
      operations.map(() => expect.any(Map)),
    );
  });
});

describe("The size of an answer", () => {
  it("is declared by each list of tasks and log lines below a mutation or a subscription", () => {
    const lists = [...mutationFields, ...subscriptionFields].flatMap(fieldsBelow).filter(listsObjects);

    expect(new Set(lists.map(({ field }) => field.name))).toEqual(
      new Set(["tasks", "subTasks", "log", "changed"]),
    );
    expect(lists.filter(({ field }) => !traitsOf(field).answerSize)).toEqual([]);
  });

  it.each([
    ["task { subTasks { path subTasks { path } } }", 5],
    ["tasks { path subTasks { path subTasks { path } } }", 14],
    ["a: tasks { path } b: task { subTasks { path } c: subTasks { path } }", 10],
    ["log { path } l: log(last: 0) { path } m: log(last: 5) { path }", 2],
    ["version task { status }", 0],
  ])("is at least the number of items that are listed: %s", async (selection, listed) => {
    await using world = await openPlanFixture({ itemsPerAnswerMax: 1_000 });
    const query = `mutation { updateTask(input: { ${JOB} }) { userTask { ${selection} } } }`;

    const { data } = await world.answer({ query });
    const sizes = [...sizesOf(query).values()];
    const job = await world.job();
    expect(countItems(data)).toBe(listed);
    expect(sizes.reduce((sum, size) => sum + size.itemsOf(job), 0)).toBeGreaterThanOrEqual(listed);
  });
});

function sizesOf(text: string, operation = parse(text).definitions.find(isOperation)!): AnswerSizes {
  const document = parse(text);
  const check = new SelectionCheck(schema, document, fragmentsOf(document), DEFAULT_LIMITS);
  return check.check(
    document.definitions.filter(isOperation).find(({ name }) => name?.value === operation.name?.value)!,
    {},
  );
}

/** The subscriptions of all documents of the project. */
function ownOperations(): { readonly text: string; readonly operation: OperationDefinitionNode }[] {
  const folder = new URL("../../../schema/operations/", import.meta.url);
  const files = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
  const fragments = files.join("\n");
  return parse(fragments)
    .definitions.filter(isOperation)
    .filter(({ operation }) => operation === OperationTypeNode.SUBSCRIPTION)
    .map((operation) => ({ text: fragments, operation }));
}

function isOperation(definition: DefinitionNode): definition is OperationDefinitionNode {
  return definition.kind === Kind.OPERATION_DEFINITION;
}

function countItems(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const below = Object.values(value).reduce((sum: number, item) => sum + countItems(item), 0);
  return below + (Array.isArray(value) ? value.length : 0);
}
