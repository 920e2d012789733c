/**
 * What one report of a worker costs the server: `updateTask` over HTTP, 50 keep-alive connections, 1,000 jobs of 20 tasks,
 * journal in memory; beside the least that Node can do (node:http, JSON.parse, a Map, JSON.stringify), and beside other
 * GraphQL servers over a Map. None of them but Tidemark has an order, a journal, limits, or merges what watchers missed.
 *
 *     npm run bench -- http-update-task
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark         117 [103..137]
 *     bare node:http    45 [35..59]          2.71 [1.88..3.36]       at most 1.6    not reached
 *     mercurius, jit   118 [108..159]        0.93 [0.73..1.27]       at most 1      reached
 *     Yoga             389 [341..628]        0.32 [0.16..0.36]       at most 0.2    not reached
 *     Apollo Server    449 [373..503]        0.27 [0.23..0.28]
 *
 * Where Tidemark's time goes (--profile): writing to the socket two fifths; tasks, store and journal a fifth together;
 * GraphQL, and reading and writing HTTP, a tenth each. bench/README.md says more.
 */
import { compare } from "./comparison.js";
import { updateTaskBodies } from "./operations.js";

const JOBS = 1_000;
const load = { jobs: JOBS, bodies: updateTaskBodies(JOBS, 10_000) };

await compare({
  name: "http-update-task",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "Tidemark", script: "tidemark.mjs", ...load },
    { name: "bare node:http", script: "rivals/bare-http.mjs", ...load, atMost: 1.6 },
    { name: "mercurius, jit", script: "rivals/mercurius.mjs", ...load, atMost: 1 },
    { name: "Yoga", script: "rivals/yoga.mjs", ...load, atMost: 0.2 },
    { name: "Apollo Server", script: "rivals/apollo.mjs", ...load },
  ],
});
