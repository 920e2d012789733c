/**
 * What a page of jobs costs the server: `tasks(first: 100)` with the root's progress over HTTP, 50 keep-alive connections,
 * 100 jobs of 20 tasks; beside other GraphQL servers over a Map, which sum up a job's leaves when they are asked.
 *
 *     npm run bench -- http-tasks-query
 *
 * Found (Node 20.20, 2 shared cores that others kept busy, 5 rounds; median [min..max]):
 *
 *     server           CPU µs an operation   Tidemark's CPU to it    target
 *     Tidemark         977 [875..1,221]
 *     mercurius, jit   270 [249..315]        3.62 [3.27..3.95]       at most 0.8    not reached
 *     Yoga             2,002 [1,021..2,193]  0.56 [0.44..0.96]
 *
 * Where Tidemark's time goes (--profile): half of it is graphql-js, which goes through 1,100 fields; a seventh
 * JSON.stringify; a tenth each the garbage collector and writing to the socket. mercurius runs the operation compiled.
 */
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
