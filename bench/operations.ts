/** The requests of the comparisons: the same documents and variables for every server, and jobs of one shape. */
import { BENCH_DATABASE, LEAF_PATHS, specOf } from "./sample-jobs.js";

const USERS = 100;

/** The jobs to store before a run: `job0` of `user0` and so on, the users in turn. */
export function jobsToStore(jobs: number): object {
  return { database: BENCH_DATABASE, users: USERS, jobs, task: specOf(0) };
}

const CHANGED = `userTask { jobId version task { status progress { done volume percent } } }`;

/** Request bodies that each add one unit to a leaf. Job and leaf are random except in the first body. */
export function updateTaskBodies(jobs: number, count: number): string[] {
  const query = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { ${CHANGED} } }`;
  const input = (at: number): object => (at === 0 ? reportOn(0, 0) : randomReportOn(randomBelow(jobs)));
  return Array.from({ length: count }, (_, at) => bodyOf(query, { input: input(at) }));
}

/** Request bodies that each add one unit to a random leaf of `size` different jobs. */
export function updateTasksBodies(jobs: number, count: number, size: number): string[] {
  const query = `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { ${CHANGED} } }`;
  return Array.from({ length: count }, () => {
    const from = randomBelow(jobs);
    const inputs = Array.from({ length: size }, (_, at) => randomReportOn((from + at) % jobs));
    return bodyOf(query, { inputs });
  });
}

export function tasksBody(first: number): string {
  const query = `query ($database: String!, $first: Int!) { tasks(database: $database, first: $first) { nodes {
    username jobId version task { description status progress { done volume ratio percent } } } } }`;
  return bodyOf(query, { database: BENCH_DATABASE, first });
}

function randomReportOn(job: number): object {
  return reportOn(job, randomBelow(LEAF_PATHS.length));
}

function reportOn(job: number, leaf: number): object {
  const updates = [{ path: LEAF_PATHS[leaf], add: 1 }];
  return { database: BENCH_DATABASE, username: `user${job % USERS}`, jobId: `job${job}`, updates };
}

function randomBelow(bound: number): number {
  return Math.floor(Math.random() * bound);
}

function bodyOf(query: string, variables: object): string {
  return JSON.stringify({ query, variables });
}
