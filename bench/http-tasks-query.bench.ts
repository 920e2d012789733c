/**
 * The server's cost of a page of jobs: `tasks(first: 100)` with the root's progress over HTTP, 50 keep-alive connections,
 * 100 jobs of 20 tasks; beside other GraphQL servers over a Map, which sum up the leaves of a job for each query.
 *
 *     npm run bench -- http-tasks-query
 *
 * Results (Node 20.20, 2 shared cores under other load, 5 rounds; median [min..max]):
 *
 *     server           CPU µs per operation   Tidemark's CPU to it    target
 *     Tidemark           338 [270..462]
 *     mercurius, jit     484 [386..496]       0.87 [0.55..0.95]       at most 0.8    not reached
 *     Yoga             2,114 [1,711..2,410]   0.18 [0.13..0.21]
 *
 * The operation runs as a compiled plan of its document. A third of the rest is JSON.stringify and the socket write.
 */
import { compare } from "./comparison.js";
import { tasksBody } from "./operations.js";

const load = { jobs: 100, bodies: [tasksBody(100)] };

await compare({
  name: "http-tasks-query",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "Tidemark", script: "tidemark.mjs", ...load },
    { name: "mercurius, jit", script: "rivals/mercurius.mjs", ...load, atMost: 0.8 },
    { name: "Yoga", script: "rivals/yoga.mjs", ...load },
  ],
});
