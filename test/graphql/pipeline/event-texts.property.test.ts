import fc from "fast-check";
import { execute, type ExecutionResult } from "graphql";
import { describe, expect, it } from "vitest";
import { anonymousCaller } from "../../../src/auth/caller.js";
import { EventTexts, type TextSource } from "../../../src/graphql/pipeline/event-texts.js";
import { isRejected } from "../../../src/graphql/pipeline/pipeline.js";
import { schema } from "../../../src/graphql/schema.js";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Limits } from "../../../src/protocol/limits.js";
import type { PerDatabaseTaskStore } from "../../../src/store/per-database-task-store.js";
import { assert } from "../../../src/util/assert.js";
import { utf8AsLatin1 } from "../../../src/util/latin1.js";
import { createCursor } from "../../kit/delivery/cursor-reader.js";
import { createPipeline } from "../../kit/server/pipeline.js";
import { branch, leaf } from "../../kit/store/edits.js";
import { applyCommand, commandGroups } from "../../kit/store/job-commands.js";
import { ALICE, DATABASE, reportOf, storeRequestOf } from "../../kit/store/requests.js";
import { createStores, type Stores } from "../../kit/store/task-stores.js";

describe("EventTexts", () => {
  it("give for every selection and position what the execution of the event gives, byte for byte", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(12), selections, bases, async (groups, selection, gaps) => {
        await using world = await openWorld({ removalsKeptMax: 3 });
        const [texts, source] = [new EventTexts(), sourceOf(world, selection)];
        for (const { afterMs, commands } of groups) {
          world.stores.clock.advance(afterMs);
          await Promise.all(commands.map((command) => applyCommand(world.store, command)));
          const events = gaps.flatMap((gap) => eventsSince(world, gap));
          expect(events.map((event) => shared(texts, source, event))).toEqual(
            events.map((event) => executed(source, event)),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("execute a job at a revision once for all positions from which the same tasks have changed", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE, { spec: leaf("leaf", 100) }));
    await reportTo(world.store, 4);
    const { source, count } = counted(sourceOf(world, "... on TaskUpdated { changed { path } }"));
    const texts = new EventTexts();
    const events = [1, 2, 3].flatMap((gap) => eventsSince(world, gap));
    for (const event of events) shared(texts, source, event);
    expect(kindsOf(events)).toEqual([1, 2, 3].flatMap(() => ["TaskUpdated", "CaughtUp"]));
    expect(count()).toBe(2);
  });

  it("differ where a subscriber has missed the changes of more tasks", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 9), leaf("b", 9)) }));
    await world.store.update(ALICE, reportOf({ path: "0", add: 1 }));
    await world.store.update(ALICE, reportOf({ path: "1", add: 1 }));
    const [texts, source] = [new EventTexts(), sourceOf(world, "... on TaskUpdated { changed { path } }")];
    const [[late], [early]] = [eventsSince(world, 1), eventsSince(world, 2)];
    expect(shared(texts, source, late!).text).toContain(`"changed":[{"path":""},{"path":"1"}]`);
    expect(shared(texts, source, early!).text).toContain(`"changed":[{"path":""},{"path":"0"},{"path":"1"}]`);
  });

  it("replace nothing in a text of a user", async () => {
    await using world = await openWorld();
    const description = "9000-01-01T00:00:00.000Z k3J9wQx-T_bA.1042 at";
    await world.store.store(storeRequestOf(ALICE, { spec: leaf(description, 100) }));
    const source = sourceOf(world, "... on TaskStored { userTask { task { description } } }");
    const [, stored] = eventsSince(world, 9);
    expect(shared(new EventTexts(), source, stored!).text).toContain(`"description":"${description}"`);
  });

  it("keep no text with errors", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    const failing = { ...sourceOf(world, "at"), execute: () => ({ errors: [], data: null }) };
    const { source, count } = counted(failing);
    const texts = new EventTexts();
    const [event] = eventsSince(world, 9);
    shared(texts, source, event!);
    shared(texts, source, event!);
    expect([count(), texts.bytes]).toEqual([2, 0]);
  });

  it("are bounded: large ones are not kept, and the oldest go first", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    const texts = new EventTexts();
    const [event] = eventsSince(world, 9);
    const of = (id: number, length: number): void => {
      const data = { text: "x".repeat(length) };
      texts.of(event!, { id, selectsChanged: false, execute: () => ({ data }) });
    };
    of(0, 2_000_000);
    expect(texts.bytes).toBe(0);
    for (let id = 1; id <= 100; id++) of(id, 500_000);
    expect(texts.bytes).toBeGreaterThan(10_000_000);
    expect(texts.bytes).toBeLessThanOrEqual(16_000_000);
  });
});

/** Parts of selections of an event, with aliases, repetitions, fragments and directives. */
const PARTS = [
  "position",
  "again: position",
  "at",
  "kind: __typename",
  "... on TaskEvent { position here: position at }",
  "... on Reset { cause when: at }",
  "... on TaskRemoved { username jobId reason position }",
  "... on TaskStored { outcome userTask { position revision version attempt expiresAt log { message } tasks { path description startedAt } } }",
  "... on TaskUpdated { userTask { position storedAt reportedAt health eta { likely } cancelRequest { at by } } }",
  "... on TaskUpdated { changed { path status elapsedMs rate progress { done percent bar } } }",
  "... on TaskUpdated { other: changed { path } changed { message } }",
  "... on CaughtUp { position @skip(if: false) at @include(if: false) }",
];

const selections = fc.shuffledSubarray(PARTS, { minLength: 1 }).map((parts) => parts.join("\n"));

/** How many revisions the subscribers are behind. */
const bases = fc.array(fc.nat(12), { minLength: 1, maxLength: 4 });

interface World extends AsyncDisposable {
  readonly stores: Stores;
  readonly store: PerDatabaseTaskStore;
}

async function openWorld(limits: Partial<Limits> = {}): Promise<World> {
  const stores = createStores({ limits });
  const store = (await stores.provider.getTaskStore(DATABASE)) as PerDatabaseTaskStore; // safe: tracking is on
  return { stores, store, [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]() };
}

function sourceOf({ stores }: World, selection: string): TextSource {
  const observer = { failed() {}, eventExecuted() {}, eventsDelivered() {} };
  const pipeline = createPipeline(stores, schema, observer);
  const query = `subscription { taskEvents(database: "neo4j") { ${selection} } }`;
  const operation = pipeline.prepare({ query, caller: anonymousCaller(stores.clock), serverUrl: "" });
  assert(!isRejected(operation), `the selection is valid: ${selection}`);
  return {
    id: 1,
    selectsChanged: selection.includes("changed"),
    execute: (event) => execute({ ...operation, rootValue: event }) as ExecutionResult, // safe: events are synchronous
  };
}

/** The events of a subscriber that is `gap` revisions behind, at most to the beginning. */
function eventsSince({ store, stores: { clock } }: World, gap: number): TaskEvent[] {
  const { epoch, revision } = store.position;
  const after = { epoch, revision: Math.max(0, revision - gap) };
  const cursor = createCursor(store, { filter: {}, isMerging: false, after, clock });
  const events: TaskEvent[] = [];
  for (let event = cursor.pull(); event; event = cursor.pull()) events.push(event);
  return events;
}

interface Encoded {
  readonly text: string;
  readonly latin1: string;
}

function shared(texts: EventTexts, source: TextSource, event: TaskEvent): Encoded {
  const text = texts.of(event, source);
  return { text: text.text(event), latin1: text.latin1(event) };
}

function executed(source: TextSource, event: TaskEvent): Encoded {
  const text = JSON.stringify(source.execute(event));
  return { text, latin1: utf8AsLatin1(text) };
}

function counted(source: TextSource): { source: TextSource; count: () => number } {
  let count = 0;
  const countAndExecute = (event: unknown): ExecutionResult => {
    count++;
    return source.execute(event);
  };
  return { source: { ...source, execute: countAndExecute }, count: () => count };
}

async function reportTo(store: PerDatabaseTaskStore, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await store.update(ALICE, reportOf({ add: 1 }));
}

function kindsOf(events: readonly TaskEvent[]): string[] {
  return events.map(({ kind }) => kind);
}
