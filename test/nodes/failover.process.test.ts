import { describe, expect, it } from "vitest";
import { moveTo, startNode } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { ReplicatedPostgres } from "../kit/postgres/replicated-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { SERVER_JOB_KEY, store, update } from "../server/jobs.js";
import { queryState, Replica } from "../server/task-events.js";

const JOB = SERVER_JOB_KEY.jobId;

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`Two nodes ${NEEDS_POSTGRES}`, () => {
  it("lose and repeat nothing when the primary is killed and its synchronous standby promoted, and reset nobody", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
    const { primary, standbys } = postgres;
    const database = await primary.createDatabase();
    await using first = await startNode(database);
    await using second = await startNode(database);
    await store(first.url, { task: { description: "work", volume: 1_000 } });
    using watch = await RecordedWatch.open(first.url);
    using elsewhere = await RecordedWatch.open(second.url);

    const worker = new RetryingWorker([first.url, second.url]);
    const work = worker.reaches(60);
    await Promise.all([watch.reaches(20), elsewhere.reaches(20)]);
    await primary.kill();
    await standbys[0]!.server.promote();
    moveTo(standbys[0]!.server, [first, second]);
    await work;
    await Promise.all([watch.reaches(60), elsewhere.reaches(60)]);

    const { jobs } = await queryState(second.url);
    for (const { resets, events } of [watch, elsewhere])
      expect([resets, new Replica().apply(events).jobs]).toEqual([["INITIAL"], jobs]);
    expect(jobs).toMatchObject([{ version: 61 }]);
  });

  it("reset exactly the subscribers that saw lost changes when an asynchronous standby behind a cut link is promoted", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{}] });
    const { primary, standbys } = postgres;
    const [standby] = standbys;
    const database = await primary.createDatabase();
    await using first = await startNode(database);
    await using second = await startNode(database);
    await store(first.url);
    await store(first.url, { jobId: "kept" });
    using above = await RecordedWatch.open(first.url);
    using aboveElsewhere = await RecordedWatch.open(second.url);
    using below = await RecordedWatch.open(second.url, { ...SERVER_JOB_KEY, jobId: "kept" });
    await Promise.all([caughtUp(above), caughtUp(aboveElsewhere), caughtUp(below)]);
    await postgres.replayed();
    const before = above.position;

    standby!.link.shut();
    await update(second.url, { updates: [{ done: 7 }] });
    await Promise.all([above.reaches(7), aboveElsewhere.reaches(7)]);
    const after = above.position;
    await primary.kill();
    await standby!.server.promote();
    moveTo(standby!.server, [first, second]);

    await Promise.all([lost(above), lost(aboveElsewhere)]);
    await new RetryingWorker([first.url]).send({ jobId: "kept", updates: [{ done: 3 }] });
    await Promise.all([above.reaches(3), aboveElsewhere.reaches(3), below.reaches(3)]);
    using resumedBelow = await RecordedWatch.open(second.url, { after: before });
    using resumedAbove = await RecordedWatch.open(second.url, { after });
    await Promise.all([caughtUp(resumedBelow), caughtUp(resumedAbove)]);

    expect(above.resets).toEqual(["INITIAL", "HISTORY_LOST"]);
    expect(aboveElsewhere.resets).toEqual(["INITIAL", "HISTORY_LOST"]);
    expect(below.resets).toEqual(["INITIAL"]);
    expect(resumedBelow.resets).toEqual([]);
    expect(resumedAbove.resets).toEqual(["HISTORY_LOST"]);
    expect(new Replica().apply(above.events).jobs).toEqual((await queryState(first.url)).jobs);
    expect([...first.log.lines, ...second.log.lines]).toContainEqual(
      expect.objectContaining({
        level: "error",
        fields: { database: "d", jobs: [{ username: "u", jobId: JOB, revision: 3 }] },
      }),
    );
  });

  it("move from an old primary that lives on behind a broken network, and count what it could not answer once", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
    const { primary, standbys } = postgres;
    const [standby] = standbys;
    const database = await primary.createDatabase();
    await using moved = await startNode(database);
    await using left = await startNode(database);
    await store(moved.url);
    using watch = await RecordedWatch.open(moved.url);
    using leftWatch = await RecordedWatch.open(left.url);
    await Promise.all([caughtUp(watch), caughtUp(leftWatch)]);

    standby!.link.swallow();
    const stranded = new RetryingWorker([left.url]).send({ updates: [{ add: 1 }], requestId: "stranded" });
    await primary.waitingForStandby();
    await standby!.server.promote();
    moveTo(standby!.server, [moved]);
    await new RetryingWorker([moved.url]).send({ updates: [{ add: 1 }], requestId: "moved" });
    expect((await queryState(left.url)).jobs).toMatchObject([{ version: 1 }]);
    moveTo(standby!.server, [left]);
    await stranded;

    await Promise.all([watch.reaches(2), leftWatch.reaches(2)]);
    expect([watch.resets, leftWatch.resets]).toEqual([["INITIAL"], ["INITIAL"]]);
  });

  it("reset the subscribers of an asynchronous old primary alone, when their node leaves it", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{}] });
    const { primary, standbys } = postgres;
    const [standby] = standbys;
    const database = await primary.createDatabase();
    await using moved = await startNode(database);
    await using left = await startNode(database);
    await store(moved.url);
    using watch = await RecordedWatch.open(moved.url);
    using leftWatch = await RecordedWatch.open(left.url);
    await Promise.all([caughtUp(watch), caughtUp(leftWatch)]);
    await postgres.replayed();

    standby!.link.swallow();
    await standby!.server.promote();
    moveTo(standby!.server, [moved]);
    await update(left.url, { updates: [{ done: 5 }] });
    await new RetryingWorker([moved.url]).send({ updates: [{ done: 6 }] });
    await Promise.all([watch.reaches(6), leftWatch.reaches(5)]);
    moveTo(standby!.server, [left]);
    await leftWatch.reaches(6);

    expect([watch.resets, leftWatch.resets]).toEqual([["INITIAL"], ["INITIAL", "HISTORY_LOST"]]);
  });
});

/** Resolves when the watch holds the current state. */
async function caughtUp(watch: RecordedWatch): Promise<void> {
  await watch.event(({ kind }) => kind === "CaughtUp");
}

async function lost(watch: RecordedWatch): Promise<void> {
  await watch.event(({ cause }) => cause === "HISTORY_LOST");
}
