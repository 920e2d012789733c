import { describe, expect, it } from "vitest";
import type { Journal } from "../../src/journal/journal.js";
import { openRecentDatabases } from "../../src/store/open-recent-databases.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import { ALICE, DATABASE, OTHER_DATABASE, storeRequestOf } from "../kit/store/requests.js";
import { createStores, type Stores } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

const NAMES = [DATABASE, OTHER_DATABASE];

describe("openRecentDatabases", () => {
  it("opens only the most recently written databases", async () => {
    await using world = await twoClosed([OTHER_DATABASE]);
    await open(world);
    expect(openNames(world)).toEqual([OTHER_DATABASE]);
    expect(world.log.lines).toEqual([]);
  });

  it("logs its progress every second", async () => {
    await using world = await twoClosed();
    const release = world.journal.holdOpenings(OTHER_DATABASE);
    const opening = open(world);
    await until(() => world.journal.opened.length === 2 * NAMES.length);
    world.clock.advance(2_000);
    const line = { level: "info", message: "opening databases" };
    const fields = { opened: 1, of: 2, opening: OTHER_DATABASE, jobs: 1 };
    expect(world.log.lines).toEqual([
      { ...line, fields },
      { ...line, fields },
    ]);
    release();
    await opening;
    world.clock.advance(2_000);
    expect(world.log.lines).toHaveLength(2);
    expect(openNames(world)).toEqual(NAMES);
  });

  it("logs a database that can't be opened, and continues", async () => {
    await using world = await twoClosed(NAMES, (database) => database !== DATABASE);
    await open(world);
    expect(openNames(world)).toEqual([OTHER_DATABASE]);
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
  });

  it("stops before the next database when its signal aborts", async () => {
    await using world = await twoClosed();
    const ending = new AbortController();
    const release = world.journal.holdOpenings(DATABASE);
    const opening = open(world, ending.signal);
    await until(() => world.journal.opened.length === NAMES.length + 1);
    ending.abort();
    release();
    await opening;
    expect(openNames(world)).toEqual([DATABASE]);
  });
});

function open({ provider, journal, clock, log }: Stores, signal?: AbortSignal): Promise<void> {
  return openRecentDatabases(journal, provider, { clock, log, signal });
}

function openNames({ provider }: Stores): string[] {
  return provider.openStores().map(({ database }) => database);
}

/** Two closed databases with one job each. Opening fails for those that are not `isOpenable`. */
async function twoClosed(
  recent: readonly (typeof DATABASE)[] = NAMES,
  isOpenable: (database: string) => boolean = () => true,
): Promise<Stores> {
  let isLater = false;
  const journal = (inner: Journal): Journal => ({
    ...withHandles(inner, () => ({})),
    recent: async () => recent,
    open: (database) =>
      isLater && !isOpenable(database) ? Promise.reject(new Error("missing")) : inner.open(database),
  });
  const world = createStores({ journal });
  for (const database of NAMES) {
    const store = await world.provider.getTaskStore(database);
    await store.store({ ...storeRequestOf(ALICE), database });
  }
  await untilIdle(); // until no change is in progress
  world.clock.advance(world.idleMs);
  await untilIdle(); // until the health of the jobs is updated
  await world.provider.closeIdleStores();
  isLater = true;
  return world;
}
