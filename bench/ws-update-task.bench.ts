/**
 * What one report of a worker costs the server that sends it over WebSocket: `updateTask`, one connection, 50 under way,
 * 1,000 jobs of 20 tasks, journal in memory; beside Yoga with graphql-ws over a Map.
 *
 *     npm run bench -- ws-update-task
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark          59 [50..71]
 *     Yoga             112 [107..143]        0.54 [0.40..0.63]       at most 0.7    reached
 *
 * Answers of one turn, and the `complete` of each, go into one write.
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
