import { describe, expect, it } from "vitest";
import { jobUrl } from "../../src/protocol/job-url.js";
import { parseAddress } from "../../src/web/address.js";

const JOB = { database: "default", username: "alice", jobId: "import-1" };
const QUERY = "?database=default&owner=alice&job=import-1";

describe("The address of a job", () => {
  it.each([
    ["http://127.0.0.1:4000", "http://127.0.0.1:4000/"],
    ["http://127.0.0.1:4000/", "http://127.0.0.1:4000/"],
    ["http://127.0.0.1:4000/graphql", "http://127.0.0.1:4000/"],
    ["https://Tools.Example/tidemark//", "https://tools.example/tidemark/"],
    ["https://tools.example/tidemark/graphql/", "https://tools.example/tidemark/"],
    ["https://alice:secret@tools.example/?token=secret#secret", "https://tools.example/"],
  ])("on the server %s is below %s, without credentials", (serverUrl, page) => {
    expect(jobUrl(serverUrl, JOB)).toBe(page + QUERY);
  });

  it("is the address that the dashboard reads, whatever the names", () => {
    const job = { database: "größe", username: "a&b=c", jobId: "x/y? #+%&" };
    expect(parseAddress(new URL(jobUrl("http://localhost", job)).search)).toMatchObject({
      database: job.database,
      job: { username: job.username, jobId: job.jobId },
    });
  });
});
