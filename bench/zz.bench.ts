import { compare } from "./comparison.js";
import { updateTaskBodies } from "./operations.js";
const load = { jobs: 1000, bodies: updateTaskBodies(1000, 10_000) };
await compare({
  name: "zz",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "new", script: "tidemark.mjs", ...load },
    { name: "main", script: "../../../../tmp/r8main/bench/tidemark.mjs", ...load },
  ],
});
