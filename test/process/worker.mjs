/**
 * A worker process without any Tidemark code. It prints "ready", then sends each GraphQL request that it reads
 * ({ url, query, variables }, one per line) at once, and prints the answer as one line.
 */
import { createInterface } from "node:readline";

createInterface(process.stdin).on("line", async (line) => {
  const { url, ...body } = JSON.parse(line);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify(body) });
  console.log(await response.text());
});
console.log("ready");
