import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import { openApi, apiError, type Api, type Connection, type ConnectionArguments } from "./api.js";

describe("a connection", () => {
  it("lists the latest stored job first, with the revision of its store as its cursor", async () => {
    await using api = await openWithJobs(3);

    const { edges } = await api.tasks();

    expect(edges.map(({ node, cursor }) => [node.jobId, cursor])).toEqual([
      ["3", "3"],
      ["2", "2"],
      ["1", "1"],
    ]);
  });

  it("has the nodes of its edges, and their cursors at its ends", async () => {
    await using api = await openWithJobs(5);

    const { edges, nodes, pageInfo } = await api.tasks({ first: 3 });

    expect(nodes).toEqual(edges.map(({ node }) => node));
    expect(pageInfo).toMatchObject({ startCursor: edges[0]?.cursor, endCursor: edges[2]?.cursor });
  });

  it("counts the jobs of all pages, and has the position of the database", async () => {
    await using api = await openWithJobs(5);
    const { position } = (await api.task({ jobId: "5" }))!;

    expect(await api.tasks({ first: 2, after: "4" })).toMatchObject({ totalCount: 5, position });
    expect(await api.tasks({ jobId: "3" })).toMatchObject({ totalCount: 1, position });
  });

  it.each<ConnectionArguments>([{ first: 0 }, { last: 0 }, { first: 0, after: "" }, { last: 0, before: "" }])(
    "counts the jobs without listing any: %j",
    async (args) => {
      await using api = await openWithJobs(3);

      expect(await api.tasks(args)).toMatchObject({
        edges: [],
        nodes: [],
        totalCount: 3,
        pageInfo: { startCursor: null, endCursor: null },
      });
    },
  );

  it("has no cursors when it is empty", async () => {
    await using api = await openWithJobs(2);

    expect(await api.tasks({ username: "nobody" })).toMatchObject({
      edges: [],
      nodes: [],
      totalCount: 0,
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  it("has 50 jobs a page when no size is given", async () => {
    await using api = await openWithJobs(60);

    expect(shownOf(await api.tasks())).toEqual({ jobIds: down(60, 11), hasNext: true, hasPrevious: false });
    expect(shownOf(await api.tasks({ first: null, after: null, last: null, before: null }))).toEqual({
      jobIds: down(60, 11),
      hasNext: true,
      hasPrevious: false,
    });
    expect(shownOf(await api.tasks({ after: "11" }))).toEqual({
      jobIds: down(10, 1),
      hasNext: false,
      hasPrevious: true,
    });
  });

  it("has 100 jobs a page at most", async () => {
    await using api = await openWithJobs(120);

    expect(shownOf(await api.tasks({ first: 100 })).jobIds).toEqual(down(120, 21));
    expect(shownOf(await api.tasks({ last: 100 })).jobIds).toEqual(down(100, 1));
    await expect(api.tasks({ first: 101 })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /first is 101; the limit is 100/),
      limit: "pageSizeMax",
    });
    await expect(api.tasks({ last: 101 })).rejects.toMatchObject(apiError("LIMIT_EXCEEDED"));
  });

  it.each<ConnectionArguments>([
    { first: -1 },
    { last: -1 },
    { first: 1, last: 1 },
    { after: "x" },
    { before: "0" },
    { after: "-1" },
    { before: "1.5" },
    { after: "AAAAAAAAAAAA.7" },
  ])("rejects invalid arguments with BAD_USER_INPUT: %j", async (args) => {
    await using api = await openWithJobs(1);

    await expect(api.tasks(args)).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    await expect(api.tasks({ ...args, database: "nothing" })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT"),
    );
  });
});

describe("a page", () => {
  it.each<[ConnectionArguments, readonly string[], { hasNext: boolean; hasPrevious: boolean }]>([
    [{ first: 3 }, down(9, 7), { hasNext: true, hasPrevious: false }],
    [{ first: 9 }, down(9, 1), { hasNext: false, hasPrevious: false }],
    [{ first: 10 }, down(9, 1), { hasNext: false, hasPrevious: false }],
    [{ first: 3, after: "7" }, down(6, 4), { hasNext: true, hasPrevious: true }],
    [{ first: 3, after: "4" }, down(3, 1), { hasNext: false, hasPrevious: true }],
    [{ first: 3, after: "1" }, [], { hasNext: false, hasPrevious: true }],
    [{ last: 3 }, down(3, 1), { hasNext: false, hasPrevious: true }],
    [{ last: 3, before: "3" }, down(6, 4), { hasNext: true, hasPrevious: true }],
    [{ last: 3, before: "6" }, down(9, 7), { hasNext: true, hasPrevious: false }],
    [{ last: 3, before: "9" }, [], { hasNext: true, hasPrevious: false }],
    [{ first: 3, after: "8", before: "3" }, down(7, 5), { hasNext: true, hasPrevious: true }],
    [{ first: 4, after: "8", before: "3" }, down(7, 4), { hasNext: false, hasPrevious: true }],
    [{ last: 3, after: "8", before: "3" }, down(6, 4), { hasNext: true, hasPrevious: true }],
    [{ last: 4, after: "8", before: "3" }, down(7, 4), { hasNext: true, hasPrevious: false }],
    [{ before: "6" }, down(9, 7), { hasNext: false, hasPrevious: false }],
    [{ first: 3, after: "3", before: "6" }, [], { hasNext: false, hasPrevious: true }],
    [{ last: 3, after: "3", before: "6" }, [], { hasNext: true, hasPrevious: false }],
    [{ last: 3, after: "1", before: "1" }, [], { hasNext: true, hasPrevious: false }],
    [{ first: 3, after: "999" }, down(9, 7), { hasNext: true, hasPrevious: false }],
  ])("follows Relay for %j", async (args, jobIds, beside) => {
    await using api = await openWithJobs(9);

    expect(shownOf(await api.tasks(args))).toEqual({ jobIds, ...beside });
  });

  it("continues from the cursor of a removed job", async () => {
    await using api = await openWithJobs(6);
    await api.removeTask({ jobId: "4" });

    expect(shownOf(await api.tasks({ first: 2, after: "4" })).jobIds).toEqual(["3", "2"]);
    expect(shownOf(await api.tasks({ last: 2, before: "4" })).jobIds).toEqual(["6", "5"]);
  });

  it("continues from the old cursor of a job that was stored again", async () => {
    await using api = await openWithJobs(5);
    await api.storeTask({ jobId: "3" });

    expect(shownOf(await api.tasks({ first: 2, after: "3" })).jobIds).toEqual(["2", "1"]);
    expect(shownOf(await api.tasks({ first: 2 })).jobIds).toEqual(["3", "5"]);
  });

  it("keeps its order after updates", async () => {
    await using api = await openWithJobs(5);
    const before = await api.tasks({ first: 3, after: "5" });
    await api.updateTasks(["1", "3", "5"].map((jobId) => ({ jobId, updates: [{ add: 1 }] })));

    const after = await api.tasks({ first: 3, after: "5" });

    expect(after.edges.map(({ cursor }) => cursor)).toEqual(before.edges.map(({ cursor }) => cursor));
    expect(after.pageInfo).toEqual(before.pageInfo);
  });

  it("applies its filter to nodes and page flags", async () => {
    await using api = await openWithJobs(6);
    await api.updateTasks(["2", "4", "6"].map((jobId) => ({ jobId, updates: [{ status: "RUNNING" }] })));

    expect(shownOf(await api.tasks({ status: ["RUNNING"], first: 2 }))).toEqual({
      jobIds: ["6", "4"],
      hasNext: true,
      hasPrevious: false,
    });
    expect(shownOf(await api.tasks({ status: ["RUNNING"], first: 2, after: "4" }))).toEqual({
      jobIds: ["2"],
      hasNext: false,
      hasPrevious: true,
    });
    expect(shownOf(await api.tasks({ status: ["PENDING"], first: 1, after: "6" }))).toEqual({
      jobIds: ["5"],
      hasNext: true,
      hasPrevious: false,
    });
  });
});

describe("a walk through all pages", () => {
  it.each([1, 2, 7])("visits every job once, forwards by %d", async (size) => {
    await using api = await openWithJobs(15);

    const pages = await forwards(api, size, async () => {});

    expect(pages.flat()).toEqual(down(15, 1));
  });

  it.each([1, 2, 7])("visits every job once, backwards by %d", async (size) => {
    await using api = await openWithJobs(15);

    const pages = await backwards(api, size, async () => {});

    expect(pages.toReversed().flat()).toEqual(down(15, 1));
  });

  it("visits each remaining job once while others are stored and removed", async () => {
    await using api = await openWithJobs(24);
    const stays = down(24, 1).filter((jobId) => Number(jobId) % 3 > 0);

    const pages = await forwards(api, 4, async (page) => {
      await api.storeTask({ jobId: `new ${page}` });
      await api.storeTask({ jobId: `${24 - 3 * page}` });
      await api.removeTask({ jobId: `${3 * (page + 1)}` });
    });

    expect(pages.flat().filter((jobId) => stays.includes(jobId))).toEqual(stays);
    expect(new Set(pages.flat()).size).toBe(pages.flat().length);
  });

  it("visits each remaining job once backwards, then new jobs", async () => {
    await using api = await openWithJobs(12);
    const stays = down(12, 1).filter((jobId) => Number(jobId) % 3 > 0);

    const pages = await backwards(api, 2, async (page) => {
      await Promise.all(["x", "y", "z"].slice(page - 1, page).map((jobId) => api.storeTask({ jobId })));
      await api.removeTask({ jobId: `${12 - 3 * page}` });
    });

    const found = pages.toReversed().flat();
    expect(found.filter((jobId) => stays.includes(jobId))).toEqual(stays);
    expect(found.slice(0, 3)).toEqual(["z", "y", "x"]);
  });

  it("continues when the job of the cursor is removed between pages", async () => {
    await using api = await openWithJobs(9);

    const pages = await forwards(api, 2, async (_, lastJobId) => {
      await api.removeTask({ jobId: lastJobId });
    });

    expect(pages.flat()).toEqual(down(9, 1));
  });
});

describe("any page of any history", () => {
  it("equals that of a naive model of Relay", async () => {
    await using api = await openApi();
    let run = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 25 }), pagesArbitrary, async (steps, pages) => {
        const database = `run${run++}`;
        const jobs = await applySteps(api, database, steps);

        expect(await readPages(api, database, pages)).toEqual(pages.map((args) => naivePage(jobs, args)));
      }),
      { numRuns: 100 },
    );
  });
});

/** A job in the naive model, whose list ends with the newest store. */
interface NaiveJob {
  readonly username: string;
  readonly jobId: string;
  readonly status: TaskStatus;
  /** The revision of the store. */
  readonly stored: number;
}

type Step = {
  readonly kind: "store" | "finish" | "remove";
  readonly username: string;
  readonly jobId: string;
};

interface PageShown {
  readonly jobs: readonly string[];
  readonly cursors: readonly string[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
  readonly totalCount: number;
}

const usernameArbitrary = fc.constantFrom("alice", "bob");
const jobIdArbitrary = fc.constantFrom("a", "b", "c", "d");
const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("store", "store", "store", "finish", "remove"),
  username: usernameArbitrary,
  jobId: jobIdArbitrary,
});
const cursorArbitrary = fc.option(fc.integer({ min: 1, max: 30 }).map(String));
const sizeArbitrary = fc.integer({ min: 1, max: 6 });
const pagesArbitrary = fc.array(
  fc
    .record({
      after: cursorArbitrary,
      before: cursorArbitrary,
      username: fc.option(usernameArbitrary),
      jobId: fc.option(jobIdArbitrary),
      status: fc.option(fc.subarray<TaskStatus>(["PENDING", "FINISHED", "FAILED"])),
      size: fc.oneof(
        sizeArbitrary.map((first) => ({ first })),
        sizeArbitrary.map((last) => ({ last })),
        fc.constant({}),
      ),
    })
    .map(({ size, ...args }): ConnectionArguments => ({ ...args, ...size })),
  { minLength: 1, maxLength: 10 },
);

/** Applies the steps over HTTP, in one request, and to the model. A step on an unknown job does nothing. */
async function applySteps(api: Api, database: string, steps: readonly Step[]): Promise<NaiveJob[]> {
  let jobs: NaiveJob[] = [];
  let revision = 0;
  const fields: string[] = [];
  for (const { kind, username, jobId } of steps) {
    const job = jobs.find((other) => other.username === username && other.jobId === jobId);
    const others = jobs.filter((other) => other !== job);
    const names = `database: "${database}", username: "${username}", jobId: "${jobId}"`;
    if (kind === "store") {
      revision++;
      jobs = [...others, { username, jobId, status: "PENDING", stored: revision }];
      fields.push(`storeTask(input: { ${names}, task: { description: "t" } }) { __typename }`);
    } else if (job && kind === "remove") {
      revision++;
      jobs = others;
      fields.push(`removeTask(input: { ${names} }) { __typename }`);
    } else if (job?.status === "PENDING") {
      revision++;
      jobs = jobs.map((other) => (other === job ? { ...job, status: "FINISHED" } : other));
      fields.push(`updateTask(input: { ${names}, updates: [{ status: FINISHED }] }) { __typename }`);
    }
  }
  const aliased = fields.map((field, index) => `step${index}: ${field}`);
  await api.data(`mutation { ${aliased.join("\n")} __typename }`);
  return jobs;
}

/** Reads the pages from the server in one request. */
async function readPages(
  api: Api,
  database: string,
  pages: readonly ConnectionArguments[],
): Promise<PageShown[]> {
  const fields = pages.map(
    (args, index) => `page${index}: tasks(${literal({ database, ...args })}) { ...Page }`,
  );
  const data = await api.data<Record<string, Connection>>(
    `{ ${fields.join("\n")} }
    fragment Page on UserTaskConnection {
      edges { cursor node { username jobId } }
      pageInfo { hasNextPage hasPreviousPage }
      totalCount
    }`,
  );
  return Object.values(data).map(({ edges, pageInfo, totalCount }) => ({
    jobs: edges.map(({ node }) => `${node.username} ${node.jobId}`),
    cursors: edges.map(({ cursor }) => cursor),
    hasNext: pageInfo.hasNextPage,
    hasPrevious: pageInfo.hasPreviousPage,
    totalCount,
  }));
}

/** Formats arguments as GraphQL literals. */
function literal(args: object): string {
  return Object.entries(args)
    .map(
      ([name, value]) =>
        `${name}: ${name === "status" ? JSON.stringify(value)?.replaceAll('"', "") : JSON.stringify(value)}`,
    )
    .join(", ");
}

/** Follows the Relay specification literally, over the whole list. */
function naivePage(jobs: readonly NaiveJob[], args: ConnectionArguments): PageShown {
  const { username, jobId, status } = args;
  const all = jobs
    .filter((job) => !username || job.username === username)
    .filter((job) => !jobId || job.jobId === jobId)
    .filter((job) => !status || status.includes(job.status))
    .toReversed();
  const after = args.after ? Number(args.after) : Infinity;
  const before = args.before ? Number(args.before) : -Infinity;
  const between = all.filter(({ stored }) => stored < after && stored > before);
  const page = args.last ? between.slice(-args.last) : between.slice(0, args.first ?? 50);
  const isCut = page.length < between.length;
  return {
    jobs: page.map((job) => `${job.username} ${job.jobId}`),
    cursors: page.map(({ stored }) => String(stored)),
    hasNext: args.last ? all.some(({ stored }) => stored <= before) : isCut,
    hasPrevious: args.last ? isCut : all.some(({ stored }) => stored >= after),
    totalCount: all.length,
  };
}

/** The job ids of every page, newest first. Calls `between` after each page, with its last job. */
async function forwards(
  api: Api,
  first: number,
  between: (page: number, lastJobId: string) => Promise<void>,
): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | null = null;
  let hasNext = true;
  while (hasNext) {
    const { nodes, pageInfo }: Connection = await api.tasks({ first, after });
    pages.push(nodes.map(({ jobId }) => jobId));
    ({ endCursor: after, hasNextPage: hasNext } = pageInfo);
    await between(pages.length, nodes.at(-1)?.jobId ?? "");
  }
  return pages;
}

/** The job ids of every page, oldest page first. Calls `between` after each page. */
async function backwards(
  api: Api,
  last: number,
  between: (page: number) => Promise<void>,
): Promise<string[][]> {
  const pages: string[][] = [];
  let before: string | null = null;
  let hasPrevious = true;
  while (hasPrevious) {
    const { nodes, pageInfo }: Connection = await api.tasks({ last, before });
    pages.push(nodes.map(({ jobId }) => jobId));
    ({ startCursor: before, hasPreviousPage: hasPrevious } = pageInfo);
    await between(pages.length);
  }
  return pages;
}

/** Jobs "1" to `count`, stored at the revisions of these numbers. */
async function openWithJobs(count: number): Promise<Api> {
  const api = await openApi();
  const jobs = Array.from({ length: count }, (_, index) => ({ jobId: `${index + 1}` }));
  for (let start = 0; start < count; start += 30) await api.storeTasks(jobs.slice(start, start + 30));
  return api;
}

function shownOf({ nodes, pageInfo }: Connection): {
  jobIds: string[];
  hasNext: boolean;
  hasPrevious: boolean;
} {
  return {
    jobIds: nodes.map(({ jobId }) => jobId),
    hasNext: pageInfo.hasNextPage,
    hasPrevious: pageInfo.hasPreviousPage,
  };
}

/** The numbers from `newest` down to `oldest`, as strings. */
function down(newest: number, oldest: number): string[] {
  return Array.from({ length: newest - oldest + 1 }, (_, index) => `${newest - index}`);
}
