/** For every limit by itself, lowered and raised: a worker, watchers and the command line work and show the same. */
import { Ansis } from "ansis";
import { describe, expect, it } from "vitest";
import { startApp } from "../../src/app.js";
import { listJobs } from "../../src/cli/actions/list-jobs.js";
import { showJob } from "../../src/cli/commands/show.js";
import { connect, leaf, task, watch, type TidemarkError } from "../../src/client/index.js";
import type { ConfigError } from "../../src/config/config-error.js";
import { LIMIT_SETTINGS } from "../../src/config/limit-settings.js";
import { LIMIT_RULES } from "../../src/config/limit-rules.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { configOf } from "../kit/server/server.js";

/** What the worker, the watchers and the command line need at the same time. */
const USED: Partial<Limits> = {
  tasksPerTreeMax: 3,
  levelsPerTreeMax: 2,
  connectionsMax: 12,
  connectionsPerAddressMax: 12,
  connectionsPerUserMax: 4,
  subscriptionsPerUserMax: 4,
  operationsPerSecondMax: 20,
  mutationsPerSecondMax: 10,
};

const LOWERED = namesOfLimits().flatMap((limit) => {
  const rules = LIMIT_RULES.filter((rule) => rule.limit === limit);
  const least = Math.max(USED[limit] ?? 1, ...rules.map((rule) => rule.least(DEFAULT_LIMITS)));
  const values = IS_FULL_LENGTH ? [least, least + 1] : [least];
  return values.map((value) => ({ limit, value }));
});
const RAISED = namesOfLimits()
  .filter((limit) => Number.isFinite(DEFAULT_LIMITS[limit]))
  .map((limit) => ({ limit, value: 10 * DEFAULT_LIMITS[limit] }));

/** With the rule for which the server refuses the value. */
const ROWS = [...LOWERED, ...RAISED].map(({ limit, value }) => ({
  limit,
  value,
  flags: { [LIMIT_SETTINGS[limit].key]: String(value), dashboard: "off" },
  rule: LIMIT_RULES.find(
    (rule) => DEFAULT_LIMITS[rule.limit] < rule.least({ ...DEFAULT_LIMITS, [limit]: value }),
  ),
}));

describe("The clients", { timeout: 30_000 }, () => {
  it.each(ROWS.filter(({ rule }) => rule))("are refused $limit of $value", ({ limit, flags, rule }) => {
    expect(() => configOf(flags)).toThrow(refusal(limit, rule!.limit));
  });

  it.each(ROWS.filter(({ rule }) => !rule))("keep within $limit of $value", async ({ flags }) => {
    await using app = await startApp(configOf(flags));

    const errors = await runWorker(app.url);
    const shown = await Promise.all([
      watched(app.url, "websocket"),
      watched(app.url, "sse"),
      listed(app.url),
      detailed(app.url),
    ]);

    expect(errors).toEqual([]);
    expect(new Set(shown.map(({ tree }) => JSON.stringify(tree)))).toHaveProperty("size", 1);
    expect(shown[3].tree).toEqual(["FINISHED", 10]);
    expect(shown[3].lastLine).toMatch(/^l/);
  });

  it.each<[keyof Limits, number, string]>([
    ["tasksPerTreeMax", 2, "j"],
    ["levelsPerTreeMax", 1, "j"],
    ["nameBytesMax", 64, "j".repeat(65)],
  ])("report once that a job exceeds %s", async (limit, value, jobId) => {
    await using app = await startApp(configOf({ [LIMIT_SETTINGS[limit].key]: String(value) }));

    const errors = await runWorker(app.url, jobId);

    expect(errors.map(({ extensions }) => extensions.limit)).toEqual([limit]);
  });

  it("store a tree that is larger than a body, in parts", async () => {
    await using app = await startApp(configOf({ bodyBytesMax: "40000", messageBytesMax: "40000" }));
    const leaves = Array.from({ length: 1_000 }, (_, at) => leaf(`${at} ${"x".repeat(200)}`, { volume: 1 }));
    const groups = [0, 1, 2, 3].map((at) => task(`group ${at}`, ...leaves.slice(250 * at, 250 * (at + 1))));
    const errors: TidemarkError[] = [];
    const job = connect({ url: app.url, database: "d", onError: (error) => errors.push(error) }).job(
      { jobId: "large" },
      task("root", ...groups),
    );
    await job.run(async (root) => {
      for (const group of [0, 1, 2, 3])
        await root.run(group, (handle) => leaves.slice(0, 250).forEach((_, at) => handle.sub(at).advance()));
    });
    await job.flush();

    expect(errors).toEqual([]);
    const jobs = watch({ url: app.url, database: "d" });
    await jobs.untilLive();
    const { task: root } = jobs.job("anonymous", "large")!;
    jobs.close();
    expect(root).toMatchObject({ status: "FINISHED", progress: { done: 1_000, volume: 1_000 } });
    expect(root.subTasks.flatMap(({ subTasks }) => subTasks.map(({ description }) => description))).toEqual(
      leaves.map(({ description }) => description),
    );
  });
});

function refusal(set: keyof Limits, tooLow: keyof Limits): ConfigError | RegExp {
  return new RegExp(
    `${LIMIT_SETTINGS[set].flag}.*${LIMIT_SETTINGS[tooLow].flag}|${LIMIT_SETTINGS[tooLow].flag}.*${LIMIT_SETTINGS[set].flag}`,
  );
}

function namesOfLimits(): (keyof Limits)[] {
  return Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]; // safe: the record has no other keys
}

async function runWorker(url: string, jobId = "j"): Promise<TidemarkError[]> {
  const errors: TidemarkError[] = [];
  const onError = (error: TidemarkError): void => void errors.push(error);
  const tidemark = connect({ url, database: "d", username: "u", onError });
  const spec = task(`Import ${"é".repeat(300)}`, leaf("read", { volume: 10 }), leaf("write"));
  const job = tidemark.job({ jobId }, spec);
  await job.run(async (root) => {
    for (let line = 0; line < 30; line++) root.log.warning(`line ${line} ${"\u0001ü".repeat(3_000)}`);
    await root.run(1, (write) => write.message("\u0007".repeat(5_000)));
    await root.run("read", (read) => [...read.track(Array.from({ length: 10 }))]);
  });
  await job.flush({ timeoutMs: 20_000 }).catch(() => {}); // `onError` has the reason
  await new Promise(setImmediate);
  return errors;
}

interface Shown {
  readonly tree: readonly [status: string, done: number];
  readonly lastLine?: string;
}

async function watched(url: string, transport: "websocket" | "sse"): Promise<Shown> {
  await using jobs = watch({ url, database: "d", transport });
  await jobs.untilLive();
  const { status, progress } = jobs.job("u", "j")!.task;
  return { tree: [status, progress.done] };
}

async function listed(url: string): Promise<Shown> {
  const out = recordedOutput();
  await listJobs(
    { server: { url, database: "d" }, filter: {}, limit: 100, allDatabases: false, json: true },
    out,
    () => {},
  );
  const { status, progress } = (JSON.parse(out.text()) as { task: Job }).task;
  return { tree: [status, progress.done] };
}

async function detailed(url: string): Promise<Shown> {
  const out = recordedOutput();
  await showJob({ server: { url, database: "d" }, name: { database: "d", jobId: "j" }, json: true }, out);
  const { task: root, log } = JSON.parse(out.text()) as { task: Job; log: { message: string }[] };
  return { tree: [root.status, root.progress.done], lastLine: log.at(-1)!.message };
}

interface Job {
  readonly status: string;
  readonly progress: { readonly done: number };
}

function recordedOutput() {
  const texts: string[] = [];
  return {
    write: async (text: string) => void texts.push(text),
    isOpen: () => true,
    columns: 80,
    style: new Ansis(0),
    text: () => texts.join(""),
  };
}
