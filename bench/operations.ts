/** What the comparisons ask of every server: the same documents and variables, about jobs of one shape. */
import { BENCH_DATABASE, LEAF_PATHS, specOf } from "./sample-jobs.js";

const USERS = 100;

/** What a server is asked to store beforehand: `job0` of `user0` and so on, the users in turn. */
export function jobsToStore(jobs: number): object {
  return { database: BENCH_DATABASE, users: USERS, jobs, task: specOf(0) };
}

const CHANGED = `userTask { jobId version task { status progress { done volume percent } } }`;

/**
 * Bodies of requests that each report one unit more of a leaf of a job, both at random but in the first of them.
 */
export function updateTaskBodies(jobs: number, count: number): string[] {
  const query = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { ${CHANGED} } }`;
  const input = (at: number): object => (at === 0 ? reportOn(0, 0) : randomReportOn(randomBelow(jobs)));
  return Array.from({ length: count }, (_, at) => bodyOf(query, { input: input(at) }));
}

/** Bodies of requests that each report so on `size` different jobs. */
export function updateTasksBodies(jobs: number, count: number, size: number): string[] {
  const query = `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { ${CHANGED} } }`;
  return Array.from({ length: count }, () => {
    const from = randomBelow(jobs);
    const inputs = Array.from({ length: size }, (_, at) => randomReportOn((from + at) % jobs));
    return bodyOf(query, { inputs });
  });
}

/** The body of a request for the newest `first` jobs. */
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
