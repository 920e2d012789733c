/**
 * The server's cost of one report over WebSocket: `updateTask`, one connection, 50 in flight, 1,000 jobs of 20 tasks,
 * journal in memory; beside Yoga with graphql-ws over a Map.
 *
 *     npm run bench -- ws-update-task
 *
 * Results (Node 20.20, 2 shared cores under other load, 5 rounds; median [min..max]):
 *
 *     server           CPU µs per operation  Tidemark's CPU to it    target
 *     Tidemark          59 [50..71]
 *     Yoga             112 [107..143]        0.54 [0.40..0.63]       at most 0.7    reached
 *
 * The answers of one turn and their `complete` messages share a write.
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
