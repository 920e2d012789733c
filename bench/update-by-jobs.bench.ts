import { compare } from "./comparison.js";
import { updateTaskBodies } from "./operations.js";

const withJobs = (jobs: number) => ({ script: "tidemark.mjs", jobs, bodies: updateTaskBodies(jobs, 50_000) });

await compare({
  name: "update-by-jobs",
  load: "load/http.mjs",
  connections: 50,
  contenders: [
    { name: "100,000 jobs", ...withJobs(100_000) },
    { name: "1,000 jobs", ...withJobs(1_000), atMost: 1.2 },
  ],
});
