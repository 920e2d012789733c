/**
 * A worker in a process of its own, with nothing of Tidemark in it: says "ready", then sends each GraphQL
 * request that it reads ({ url, query, variables }, a line each) at once, and prints the answer as a line.
 */
import { createInterface } from "node:readline";

createInterface(process.stdin).on("line", async (line) => {
  const { url, ...body } = JSON.parse(line);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify(body) });
  console.log(await response.text());
});
console.log("ready");
