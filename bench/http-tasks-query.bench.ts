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
