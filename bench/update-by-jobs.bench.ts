/**
 * What one report costs the server by how many jobs its database has: `updateTask` over HTTP about jobs at random, 50
 * keep-alive connections, jobs of 20 tasks, journal in memory.
 *
 *     npm run bench -- update-by-jobs
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     jobs       CPU µs an operation   to 1,000               target
 *     100,000    296 [254..340]        1.14 [1.13..1.39]      at most 1.2    reached
 *     1,000      260 [206..275]
 */
import { compare } from "./comparison.js";
import { updateTaskBodies } from "./operations.js";

const withJobs = (jobs: number) => ({ script: "tidemark.mjs", jobs, bodies: updateTaskBodies(jobs, 50_000) });

await compare({
  name: "update-by-jobs",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "100,000 jobs", ...withJobs(100_000) },
    { name: "1,000 jobs", ...withJobs(1_000), atMost: 1.2 },
  ],
});
