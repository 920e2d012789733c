/**
 * What one report of a worker costs the server that sends it over WebSocket: `updateTask`, one connection, 50 under way,
 * 1,000 jobs of 20 tasks, journal in memory; beside Yoga with graphql-ws over a Map.
 *
 *     npm run bench -- ws-update-task
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark         128 [111..166]
 *     Yoga              88 [76..114]         1.43 [1.26..1.80]       at most 0.7    not reached
 *
 * Where Tidemark's time goes (--profile): writing to the socket a quarter (an answer and its `complete` are written apart),
 * graphql-js and the garbage collector an eighth each; tasks, store and journal a fifth together.
 */
import { compare } from "./comparison.js";
import { updateTaskBodies } from "./operations.js";

const JOBS = 1_000;
const load = { jobs: JOBS, bodies: updateTaskBodies(JOBS, 10_000) };

await compare({
  name: "ws-update-task",
  load: "load/websocket.mjs",
  connections: 50,
  contenders: [
    { name: "Tidemark", script: "tidemark.mjs", ...load },
    { name: "Yoga", script: "rivals/yoga.mjs", ...load, atMost: 0.7 },
  ],
});
