/**
 * What many reports in one request cost the server: `updateTasks` of 100 over HTTP, 50 keep-alive connections, 1,000 jobs
 * of 20 tasks, journal in memory; beside other GraphQL servers over a Map.
 *
 *     npm run bench -- http-update-tasks
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark         5,696 [5,264..6,863]
 *     mercurius, jit   1,789 [1,306..2,598]  3.18 [2.38..5.26]       at most 0.6    not reached
 *     Yoga             3,398 [3,100..4,207]  1.63 [1.55..1.86]
 *
 * Where Tidemark's time goes (--profile): the garbage collector a fifth; tasks, store and journal two fifths together;
 * graphql-js a sixth, more than half of that to check the variables.
 */
import { compare } from "./comparison.js";
import { updateTasksBodies } from "./operations.js";

const JOBS = 1_000;
const load = { jobs: JOBS, bodies: updateTasksBodies(JOBS, 500, 100) };

await compare({
  name: "http-update-tasks",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "Tidemark", script: "tidemark.mjs", ...load },
    { name: "mercurius, jit", script: "rivals/mercurius.mjs", ...load, atMost: 0.6 },
    { name: "Yoga", script: "rivals/yoga.mjs", ...load },
  ],
});
