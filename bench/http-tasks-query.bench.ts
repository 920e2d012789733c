/**
 * What a page of jobs costs the server: `tasks(first: 100)` with the root's progress over HTTP, 50 keep-alive connections,
 * 100 jobs of 20 tasks; beside other GraphQL servers over a Map, which sum up a job's leaves when they are asked.
 *
 *     npm run bench -- http-tasks-query
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation    Tidemark's CPU to it    target
 *     Tidemark           338 [270..462]
 *     mercurius, jit     484 [386..496]       0.87 [0.55..0.95]       at most 0.8    not reached
 *     Yoga             2,114 [1,711..2,410]   0.18 [0.13..0.21]
 *
 * The operation runs by a plan of its document; a third of what is left is JSON.stringify and writing to the socket.
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
