import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { seededRandom } from "../kit/deterministic/seeded-random.js";
import { openApi, type Api } from "./api.js";

/** A client that receives no answer sends its request again. A repeated request must have no further effect. */
interface Case {
  readonly name: string;
  readonly send: (api: Api) => Promise<unknown>;
}

/** Each answer is the job as the first request left it. */
const SAME_ANSWER: Case[] = [
  {
    name: "storeTask with a requestId",
    send: (api) => api.storeTask({ jobId: "new", requestId: "r" }),
  },
  {
    name: "storeTask over another job with a requestId",
    send: (api) => api.storeTask({ task: leaf("again"), requestId: "r" }),
  },
  {
    name: "storeTask with REJECT and a requestId",
    send: (api) => api.storeTask({ jobId: "new", onConflict: "REJECT", requestId: "r" }),
  },
  {
    name: "storeTask into a new database with a requestId",
    send: (api) => api.storeTask({ database: "movies", requestId: "r" }),
  },
  {
    name: "updateTask with add and a requestId",
    send: (api) => api.updateTask({ updates: [{ path: "0", add: 1 }], requestId: "r" }),
  },
  {
    name: "updateTask with a log and a requestId",
    send: (api) => api.updateTask({ log: [{ message: "line" }], requestId: "r" }),
  },
  {
    name: "updateTask with every field and a requestId",
    send: (api) =>
      api.updateTask({
        updates: [
          { path: "0", volume: 20, add: 3, message: "half", status: "FINISHED" },
          { path: "1", iteration: 2 },
          { status: "FAILED", message: "why" },
        ],
        log: [{ message: "line", path: "1" }],
        requestId: "r",
      }),
  },
  {
    name: "updateTask with done",
    send: (api) => api.update({ path: "0", done: 7 }),
  },
  {
    name: "updateTask with volume and message",
    send: (api) => api.update({ path: "0", volume: 20, message: "half" }),
  },
  {
    name: "updateTask with an iteration",
    send: (api) => api.update({ path: "1", iteration: 2 }),
  },
  {
    name: "updateTask with RUNNING",
    send: (api) => api.update({ status: "RUNNING" }),
  },
  {
    name: "updateTask with FINISHED",
    send: (api) => api.update({ path: "0", done: 7, status: "FINISHED" }, { status: "FINISHED" }),
  },
  {
    name: "updateTask with FAILED and the reason",
    send: (api) => api.update({ status: "FAILED", message: "why" }),
  },
  {
    name: "updateTask with CANCELED",
    send: (api) => api.update({ path: "1", status: "CANCELED" }),
  },
  {
    name: "updateTask as a heartbeat",
    send: (api) => api.updateTask({ requestId: "r" }),
  },
  {
    name: "updateTasks with requestIds",
    send: (api) =>
      api.updateTasks([
        { updates: [{ path: "0", add: 1 }], requestId: "r1" },
        { updates: [{ path: "9" }], requestId: "r2" },
        { jobId: "other", updates: [{ add: 2 }], requestId: "r1" },
      ]),
  },
  {
    name: "addTasks with a requestId",
    send: (api) => api.addTasks({ requestId: "r" }),
  },
  {
    name: "requestCancel",
    send: (api) => api.requestCancel({ reason: "why" }),
  },
];

/** The answer is null or 0 once the jobs are removed. */
const NOTHING_LEFT: Case[] = [
  { name: "removeTask", send: (api) => api.removeTask() },
  { name: "removeTask with an attempt", send: (api) => api.removeTask({ attempt: 1 }) },
  { name: "purgeDatabase", send: (api) => api.purgeDatabase() },
];

describe("a request that is sent three times in sequence", () => {
  it.each(SAME_ANSWER)("has equal answers and one effect: $name", async ({ send }) => {
    await using api = await openWithJobs();
    const first = await send(api);
    const before = await contentOf(api);
    api.clock.advance(10_000);

    const again = [await send(api), await send(api)];

    expect(await contentOf(api)).toEqual(before);
    expect(again.map(timeless)).toEqual([timeless(first), timeless(first)]);
  });

  it.each(NOTHING_LEFT)("has one effect: $name", async ({ send }) => {
    await using api = await openWithJobs();
    await send(api);
    const before = await contentOf(api);
    api.clock.advance(10_000);

    await send(api);
    await send(api);

    expect(await contentOf(api)).toEqual(before);
  });
});

describe("a request that is sent three times concurrently", () => {
  it.each([...SAME_ANSWER, ...NOTHING_LEFT])("has one effect: $name", async ({ send }) => {
    await using once = await openWithJobs();
    await using thrice = await openWithJobs();

    await send(once);
    await Promise.all([send(thrice), send(thrice), send(thrice)]);

    expect(await contentOf(thrice)).toEqual(await contentOf(once));
  });

  it.each(SAME_ANSWER)("has equal answers: $name", async ({ send }) => {
    await using api = await openWithJobs();

    const [first, ...again] = await Promise.all([send(api), send(api), send(api)]);

    expect(again).toEqual([first, first]);
  });
});

/** A running job, and another, over a journal that delays its answers. */
async function openWithJobs(): Promise<Api> {
  const journal = delayJournal(createMemoryJournal(DEFAULT_LIMITS), seededRandom(7));
  const api = await openApi({ lease: "60s" }, { journal });
  await api.storeTask({ task: branch("root", leaf("a", 10), iterative("i", "DYNAMIC", 3, leaf("b", 10))) });
  await api.storeTask({ jobId: "other" });
  await api.update({ path: "0", done: 4 });
  return api;
}

/** The content of both databases without epochs and elapsed times. */
async function contentOf(api: Api): Promise<unknown> {
  return timeless([await api.everything(), await api.everything("movies")]);
}

function timeless(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer)
      .replaceAll(/"[\w-]{12}\.(\d+)"/g, '"epoch.$1"')
      .replaceAll(/"elapsedMs":\d+/g, '"elapsedMs":0')
      .replaceAll(/"elapsedTime":"\d+ seconds"/g, '"elapsedTime":"0 seconds"'),
  );
}
