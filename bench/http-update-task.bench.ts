/**
 * The server's cost of one report: `updateTask` over HTTP, 50 keep-alive connections, 1,000 jobs of 20 tasks, journal in
 * memory. It is compared with the minimum in Node (node:http, JSON.parse, a Map, JSON.stringify) and with other GraphQL
 * servers over a Map. Only Tidemark has an order of changes, a journal and limits, and lets watchers resume.
 *
 *     npm run bench -- http-update-task
 *
 * Results (Node 20.20, 2 shared cores under other load, 5 rounds; median [min..max]):
 *
 *     server           CPU µs per operation  Tidemark's CPU to it    target
 *     Tidemark         117 [103..137]
 *     bare node:http    45 [35..59]          2.71 [1.88..3.36]       at most 1.6    not reached
 *     mercurius, jit   118 [108..159]        0.93 [0.73..1.27]       at most 1      reached
 *     Yoga             389 [341..628]        0.32 [0.16..0.36]       at most 0.2    not reached
 *     Apollo Server    449 [373..503]        0.27 [0.23..0.28]
 *
 * Tidemark's time (--profile): two fifths socket writes; a fifth tasks, store and journal together; a tenth each GraphQL
 * and HTTP. See bench/README.md.
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
