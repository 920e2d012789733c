/**
 * The minimum work of an updateTask in Node: node:http, JSON.parse, a Map, JSON.stringify. Without GraphQL: it reads only
 * the variables, and the shape of the answer is hard-coded.
 */
import { createServer } from "node:http";
import { answerRequests } from "../measured.mjs";

const jobs = new Map();

const http = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { variables } = JSON.parse(Buffer.concat(chunks).toString());
    const text = JSON.stringify({ data: { updateTask: { userTask: update(variables.input) } } });
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    response.writeHead(200, headers);
    response.end(text);
  });
});

function update({ database, username, jobId, updates }) {
  const job = jobs.get(`${database}/${username}/${jobId}`);
  job.version++;
  for (const { path, add } of updates) {
    job.done += add;
    job.leaves.set(path, (job.leaves.get(path) ?? 0) + add);
  }
  const { version, done, volume } = job;
  const percent = `${Number(((100 * done) / volume).toFixed(2))}%`;
  return { jobId, version, task: { status: "RUNNING", progress: { done, volume, percent } } };
}

function storeJobs({ database, users, jobs: count, task }) {
  const volume = volumeOf(task);
  for (let at = 0; at < count; at++) {
    jobs.set(`${database}/user${at % users}/job${at}`, { version: 1, done: 0, volume, leaves: new Map() });
  }
}

function volumeOf({ volume, subTasks = [] }) {
  return subTasks.reduce((sum, task) => sum + volumeOf(task), volume ?? 0);
}

http.listen(0, "127.0.0.1", () => {
  answerRequests(`http://127.0.0.1:${http.address().port}`, { storeJobs });
});
