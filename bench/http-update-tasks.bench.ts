/**
 * The server's cost of many reports in one request: `updateTasks` of 100 over HTTP, 50 keep-alive connections, 1,000 jobs
 * of 20 tasks, journal in memory; beside other GraphQL servers over a Map.
 *
 *     npm run bench -- http-update-tasks
 *
 * Results (Node 20.20, 2 shared cores under other load, 5 rounds; median [min..max]):
 *
 *     server           CPU µs per operation  Tidemark's CPU to it    target
 *     Tidemark         3,519 [3,371..3,981]
 *     mercurius, jit   2,306 [1,737..2,520]  1.49 [1.34..2.29]       at most 0.6    not reached
 *     Yoga             3,998 [2,960..4,771]  0.89 [0.71..1.19]
 *
 * Tidemark's time (--profile): half tasks, store and journal; an eighth GraphQL; a tenth each JSON and garbage collection.
 * See bench/README.md.
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
