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
