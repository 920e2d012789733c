import { describe, expect, it } from "vitest";
import type { TidemarkError } from "../../../src/client/index.js";
import type { UserTaskView } from "../../../src/graphql/context.js";
import type { TaskUpdated } from "../../../src/hub/task-event.js";
import { startSchemaServer } from "../../kit/server/extended-schema-server.js";
import { faultySchema } from "../../kit/server/faulty-schema.js";
import { removeTask, store, update } from "../../server/jobs.js";
import { ask } from "../../kit/network/raw-http.js";
import { SDK_TRANSPORTS, waitUntil, watchWithoutDelays } from "./test-watches.js";

describe.each(SDK_TRANSPORTS)("A watch of events that the server can't build (%s)", (transport) => {
  it("reports the error and starts over with the full state", async () => {
    await using server = await startSchemaServer(
      faultySchema("TaskUpdated.changed", (event) => (event as TaskUpdated).userTask.jobId === "bad"),
    );
    await store(server.url, { jobId: "bad" });
    const errors: TidemarkError[] = [];
    const onError = (error: TidemarkError): unknown => errors.push(error);
    await using watched = watchWithoutDelays({ url: server.url, transport, onError });
    await watched.untilLive();

    await update(server.url, { jobId: "bad", updates: [{ status: "FAILED" }] });
    await waitUntil(watched, () => watched.job("u", "bad")?.task.status === "FAILED");
    await watched.untilLive();

    expect(errors.map(({ extensions }) => extensions)).toEqual([
      {
        code: "INTERNAL",
        errorId: expect.any(String) as string,
        position: expect.any(String) as string,
        job: { username: "u", jobId: "bad" },
        ended: { username: "u", jobId: "bad", attempt: 1, status: "FAILED" },
      },
    ]);
  });

  it("goes on without a job that can't be sent at all, until the job is stored again", async () => {
    const faultyJobs = new Set(["bad"]);
    await using server = await startSchemaServer(
      faultySchema("UserTask.tasks", (view) => faultyJobs.has((view as UserTaskView).userTask.jobId)),
    );
    for (const jobId of ["bad", "good"]) await store(server.url, { jobId });
    const errors: TidemarkError[] = [];
    const onError = (error: TidemarkError): unknown => errors.push(error);
    await using watched = watchWithoutDelays({ url: server.url, transport, onError });
    await watched.untilLive();

    for (const jobId of ["bad", "good"]) await update(server.url, { jobId, updates: [{ done: 4 }] });
    await waitUntil(watched, () => watched.job("u", "good")?.task.progress.done === 4);
    const held = [...watched.jobs.values()].map(({ jobId }) => jobId);
    faultyJobs.clear();
    await store(server.url, { jobId: "bad" });
    await waitUntil(watched, () => watched.job("u", "bad")?.attempt === 2);

    expect(held).toEqual(["good"]);
    expect(watched.status).toEqual({ kind: "live" });
    expect(errors.map(({ code }) => code)).toEqual(["INTERNAL"]);
  });

  it("starts over once if a job becomes one that can't be sent", async () => {
    const faultyJobs = new Set<string>();
    await using server = await startSchemaServer(
      faultySchema("UserTask.attempt", (view) => faultyJobs.has((view as UserTaskView).userTask.jobId)),
    );
    for (const jobId of ["bad", "good"]) await store(server.url, { jobId });
    const errors: TidemarkError[] = [];
    const onError = (error: TidemarkError): unknown => errors.push(error);
    await using watched = watchWithoutDelays({ url: server.url, transport, onError });
    await watched.untilLive();

    faultyJobs.add("bad");
    for (const done of [1, 2, 3]) {
      await ask(server.url, { query: UPDATE, variables: { done, jobId: "bad" } });
      await ask(server.url, { query: UPDATE, variables: { done, jobId: "good" } });
      await waitUntil(watched, () => watched.job("u", "good")?.task.progress.done === done);
      await watched.untilLive();
    }
    await ask(server.url, removeTask({ jobId: "bad" }));

    expect(watched.job("u", "bad")).toBeUndefined();
    expect(errors).toHaveLength(4); // one restart: the event, the full state, and two later events
  });
});

const UPDATE = `mutation ($done: SafeInt!, $jobId: ID!) {
  updateTask(input: { database: "d", username: "u", jobId: $jobId, updates: { done: $done } }) { userTask { version } }
}`;
