import fc from "fast-check";
import { expect, it } from "vitest";
import { randomTurns } from "../../kit/deterministic/turns.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { applyCommand, commandGroups, type CommandGroup } from "../../kit/store/job-commands.js";
import { CAROL, storeRequestOf } from "../../kit/store/requests.js";
import { allViolations, type Violation } from "../../kit/wire/laws.js";
import { RecordedServer } from "../../kit/wire/recorded-server.js";
import { WireWatcher } from "../../kit/wire/watcher.js";
import { CLIENT_KINDS, resumedTransport } from "./resumed-clients.js";

const RUNS = 40;

it("L6 to L10: what a resumed subscription delivers is what an unbroken one may deliver", async () => {
  const property = fc.asyncProperty(fc.noShrink(fc.noBias(fc.nat())), async (seed) => {
    expect(await runResumed(seed)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
}, 120_000);

interface RunPlan {
  readonly kind: (typeof CLIENT_KINDS)[number];
  /** How often the connection is cut after an event: 1 for after every event. */
  readonly cutShare: number;
  readonly minIntervalMs: number;
  readonly removalsKeptMax: number;
  readonly groups: readonly CommandGroup[];
}

const plan: fc.Arbitrary<RunPlan> = fc.record({
  kind: fc.constantFrom(...CLIENT_KINDS),
  cutShare: fc.constantFrom(0.2, 0.5, 1),
  minIntervalMs: fc.constantFrom(0, 0, 5),
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  groups: commandGroups(30),
});

/** Runs a watcher whose network is cut at random. The seed determines the run, except for its timing. */
async function runResumed(seed: number): Promise<Violation[]> {
  const { kind, cutShare, minIntervalMs, removalsKeptMax, groups } = fc.sample(fc.noBias(plan), {
    numRuns: 1,
    seed,
  })[0]!;
  const random = seededRandom(seed);
  await using world = await RecordedServer.open({ removalsKeptMax: String(removalsKeptMax) });
  await using network = await SeverableProxy.open(world.url);
  const cut = (): void => void (random() < cutShare && network.sever());
  const target = { url: network.url, store: world.store };
  using watcher = new WireWatcher(target, { transport: resumedTransport(kind, cut), minIntervalMs });
  await watcher.connect();
  for (const { commands } of groups) {
    await Promise.all(commands.map((command) => applyCommand(world.store, command)));
    await randomTurns(random);
  }
  await world.store.store(storeRequestOf(CAROL)); // without it, the last changes might be hidden from the watcher
  await world.caughtUp(watcher);
  watcher.quiet();
  return allViolations(watcher.transcript, world.history);
}
