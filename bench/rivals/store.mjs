/** The minimal store of the other servers: jobs in a Map and a PubSub. It has no file, no order of changes and no limits. */
import { createPubSub } from "graphql-yoga";

export const pubSub = createPubSub();

/** Jobs by database, then by user and job id. */
const databases = new Map();
let revision = 0;

export function jobsOf(database) {
  const known = databases.get(database);
  if (known) return known;
  const jobs = new Map();
  databases.set(database, jobs);
  return jobs;
}

export function store({ database, username, jobId, task }) {
  const position = `rival.${++revision}`;
  const job = { database, username, jobId, position, version: 1, task: taskOf(task, "") };
  jobsOf(database).set(keyOf(job), job);
  pubSub.publish("taskEvents", database, { kind: "TaskStored", position, userTask: job });
  return job;
}

/** Publishes the job and the tasks from its root to those that changed. */
export function update({ database, username, jobId, updates }) {
  const job = jobsOf(database).get(keyOf({ username, jobId }));
  if (!job) throw new Error(`Job not found: ${jobId}.`);
  const changed = new Set();
  for (const change of updates) for (const task of report(job.task, change)) changed.add(task);
  job.version++;
  job.position = `rival.${++revision}`;
  const event = { kind: "TaskUpdated", position: job.position, userTask: job, changed: [...changed] };
  pubSub.publish("taskEvents", database, event);
  return job;
}

export function progressOf({ subTasks, done, volume }) {
  if (!subTasks) return { done, volume };
  const sum = { done: 0, volume: 0 };
  for (const each of subTasks.map(progressOf)) {
    sum.done += each.done;
    sum.volume += each.volume;
  }
  return sum;
}

/** Stores `jobs` jobs of one shape: `job0` of `user0` and so on, the users in turn. */
export function storeJobs({ database, users, jobs, task }) {
  for (let at = 0; at < jobs; at++)
    store({ database, username: `user${at % users}`, jobId: `job${at}`, task });
}

function keyOf({ username, jobId }) {
  return `${username}/${jobId}`;
}

function taskOf({ description, volume, subTasks }, path) {
  const below = subTasks?.map((task, at) => taskOf(task, path === "" ? `${at}` : `${path}.${at}`));
  return { path, description, status: "PENDING", done: 0, volume, subTasks: below };
}

/** Returns the tasks from the root to the changed one. */
function report(root, { path, done, add }) {
  const way = [root];
  for (const at of path === "" ? [] : path.split(".")) way.push(way.at(-1).subTasks[at]);
  for (const task of way) task.status = "RUNNING";
  const leaf = way.at(-1);
  leaf.done = done ?? leaf.done + add;
  return way;
}
