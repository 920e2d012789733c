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
