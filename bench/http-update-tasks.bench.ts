/**
 * What many reports in one request cost the server: `updateTasks` of 100 over HTTP, 50 keep-alive connections, 1,000 jobs
 * of 20 tasks, journal in memory; beside other GraphQL servers over a Map.
 *
 *     npm run bench -- http-update-tasks
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark         4,000 [2,300..4,600]
 *     mercurius, jit   2,306 [1,737..2,520]  1.49 [1.34..2.29]       at most 0.6    not reached
 *     Yoga             3,998 [2,960..4,771]  0.89 [0.71..1.19]
 *
 * Where Tidemark's time goes (--profile): tasks, store and journal half; GraphQL an eighth; JSON and the garbage collector
 * a tenth each. bench/README.md says more.
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
