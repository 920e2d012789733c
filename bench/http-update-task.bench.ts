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
 *     Tidemark         200 [184..271]
 *     bare node:http    49 [41..57]          4.46 [3.73..4.80]       at most 1.6    not reached
 *     mercurius, jit   116 [109..131]        1.73 [1.42..2.49]       at most 1      not reached
 *     Yoga             425 [316..524]        0.52 [0.37..0.65]       at most 0.2    not reached
 *     Apollo Server    449 [334..524]        0.41 [0.37..0.68]
 *
 * Where Tidemark's time goes (--profile): writing to the socket a quarter, the garbage collector an eighth, graphql-js an
 * eighth (half of that to check the variables), Node's HTTP a ninth; tasks, store and journal a fifth together.
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
