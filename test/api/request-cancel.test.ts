import { describe, expect, it } from "vitest";
import { instant, openApi, apiError, taskOf, type RequestCancelInput } from "./api.js";

describe("requestCancel", () => {
  it("records the time, the caller and the reason", async () => {
    await using api = await openApi();
    await api.storeTask();
    api.clock.advance(1_000);

    const job = await api.requestCancel({ reason: "wrong parameters" });

    expect(job.cancelRequest).toEqual({ at: instant(1_000), by: "anonymous", reason: "wrong parameters" });
    expect(await api.task()).toEqual(job);
  });

  it("accepts null as the reason", async () => {
    await using api = await openApi();
    await api.storeTask();

    expect((await api.requestCancel({ reason: null })).cancelRequest).toMatchObject({ reason: null });
  });

  it("records the caller rather than the owner of the job", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice" });

    expect(await api.requestCancel({ username: "alice" })).toMatchObject({
      username: "alice",
      cancelRequest: { by: "anonymous" },
    });
  });

  it("makes one change and touches neither the tasks nor the lease", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 4 });
    api.clock.advance(1_000);

    const job = await api.requestCancel();

    expect(job).toMatchObject({ version: 3, revision: 3, reportedAt: instant(), endedAt: null });
    expect(taskOf(job)).toMatchObject({ status: "RUNNING", progress: { done: 4 } });
  });

  it("keeps the request while the worker continues, and after the end", async () => {
    await using api = await openApi();
    await api.storeTask();
    const { cancelRequest } = await api.requestCancel({ reason: "one" });

    expect((await api.update({ done: 1 })).cancelRequest).toEqual(cancelRequest);
    expect((await api.update({ status: "CANCELED" })).cancelRequest).toEqual(cancelRequest);
  });

  it("rejects a job that has ended with ILLEGAL_TRANSITION", async () => {
    await using api = await openApi();
    await api.storeTask();
    const ended = await api.update({ status: "FAILED" });

    await expect(api.requestCancel()).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION", /"task" is FAILED and cannot be canceled/),
    );
    expect(await api.task()).toEqual(ended);
  });

  it.each<[string, RequestCancelInput, string]>([
    ["another attempt", { attempt: 2 }, "STALE_ATTEMPT"],
    ["an unknown job", { jobId: "other" }, "NOT_FOUND"],
    ["an unknown user", { username: "bob" }, "NOT_FOUND"],
    ["an unknown database", { database: "movies" }, "NOT_FOUND"],
    ["a reason of more than 4,096 bytes", { reason: "a".repeat(4_097) }, "BAD_USER_INPUT"],
    ["an invalid job id", { jobId: "" }, "BAD_USER_INPUT"],
  ])("rejects %s and changes nothing", async (_, input, code) => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.requestCancel(input)).rejects.toMatchObject(apiError(code));
    expect(await api.everything()).toEqual(before);
  });

  it("accepts the attempt of the job", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();

    expect(await api.requestCancel({ attempt: 2 })).toMatchObject({ cancelRequest: { by: "anonymous" } });
  });
});
