import { expect, it } from "vitest";
import { openPlanFixture } from "../compiled/plan-fixture.js";

const REPORT = { database: "neo4j", updates: [{ message: "x" }], requestId: "r" };

it("updateTasks answers each input, even if a defect prevents one of them", async () => {
  await using world = await openPlanFixture();
  const planted = {
    get: (): never => {
      throw new TypeError("planted");
    },
  };
  Object.defineProperty(await world.job(), "requestIds", planted);
  const request = {
    query: `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { version } error { code } } }`,
    variables: { inputs: ["alice", "bob"].map((username) => ({ ...REPORT, username, jobId: "job" })) },
  };

  const answer = { error: { code: "INTERNAL" }, userTask: null };
  const applied = { error: null, userTask: { version: 2 } };
  expect((await world.answer(request)).data).toEqual({ updateTasks: [answer, applied] });
});
