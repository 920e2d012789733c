/**
 * The server's cost of one report by the number of jobs in the database: `updateTask` over HTTP for random jobs, 50
 * keep-alive connections, jobs of 20 tasks, journal in memory.
 *
 *     npm run bench -- update-by-jobs
 *
 * Results (Node 20.20, 2 shared cores under other load, 5 rounds; median [min..max]):
 *
 *     jobs       CPU µs per operation  to 1,000               target
 *     100,000    231 [206..270]        1.32 [1.20..2.26]      at most 1.2    not reached
 *     1,000      159 [120..189]
 *
 * No work grows with the number of jobs. The difference is memory outside of the processor's caches, and a larger live heap
 * for the garbage collector.
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
