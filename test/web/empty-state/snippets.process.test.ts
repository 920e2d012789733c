import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { snippetsFor } from "../../../src/web/empty-state/snippets.js";
import { dataOf } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";

it("The snippet for curl stores a job on this server and reports its progress", async () => {
  await using server = await startServer();
  const [curl] = snippetsFor(`${server.url}/`, "demo");

  await promisify(execFile)("sh", ["-c", curl!.text]);

  const query = `{ task(database: "demo", username: "alice", jobId: "import-1") {
    task { description message progress { percent } } } }`;
  expect(await dataOf(server.url, query)).toEqual({
    task: { task: { description: "Import", message: "people.csv", progress: { percent: "42%" } } },
  });
});
