import { describe, expect, it } from "vitest";
import { leaf } from "../kit/store/edits.js";
import { instant, openApi, apiError, taskOf, type RequestCancelInput } from "./api.js";

const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;

describe("a cancel request", () => {
  it("says when, who and why", async () => {
    await using api = await openApi();
    await api.storeTask();
    api.clock.advance(1_000);

    const job = await api.requestCancel({ reason: "wrong parameters" });

    expect(job.cancelRequest).toEqual({ at: instant(1_000), by: "anonymous", reason: "wrong parameters" });
    expect(await api.task()).toEqual(job);
  });

  it("may be without a reason", async () => {
    await using api = await openApi();
    await api.storeTask();

    expect((await api.requestCancel({ reason: null })).cancelRequest).toMatchObject({ reason: null });
  });

  it("for another's job says who asked, not whose it is", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice" });

    expect(await api.requestCancel({ username: "alice" })).toMatchObject({
      username: "alice",
      cancelRequest: { by: "anonymous" },
    });
  });

  it("is one change, touches no task, and is no report", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 4 });
    api.clock.advance(1_000);

    const job = await api.requestCancel();

    expect(job).toMatchObject({ version: 3, revision: 3, reportedAt: instant(), endedAt: null });
    expect(taskOf(job)).toMatchObject({ status: "RUNNING", progress: { done: 4 } });
  });

  it("keeps the first when there is a second, which changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask();
    const first = await api.requestCancel({ reason: "one" });
    api.clock.advance(1_000);

    expect(await api.requestCancel({ reason: "two" })).toEqual(first);
    expect(await api.task()).toEqual(first);
  });

  it("stays while the worker goes on, and after the end", async () => {
    await using api = await openApi();
    await api.storeTask();
    const { cancelRequest } = await api.requestCancel({ reason: "one" });

    expect((await api.update({ done: 1 })).cancelRequest).toEqual(cancelRequest);
    expect((await api.update({ status: "CANCELED" })).cancelRequest).toEqual(cancelRequest);
  });

  it.each(ENDS)("of a job that is %s is ILLEGAL_TRANSITION", async (status) => {
    await using api = await openApi();
    await api.storeTask();
    const ended = await api.update({ status });

    await expect(api.requestCancel()).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION", new RegExp(`"task" is ${status} and cannot be canceled`)),
    );
    expect(await api.task()).toEqual(ended);
  });

  it("is ILLEGAL_TRANSITION after the end also when there was one before", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.requestCancel();
    await api.update({ status: "CANCELED" });

    await expect(api.requestCancel()).rejects.toMatchObject(apiError("ILLEGAL_TRANSITION"));
  });

  it("is cleared by storing again, and can be made anew then", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.requestCancel({ reason: "one" });

    expect((await api.storeTask({ task: leaf("new") })).userTask.cancelRequest).toBeNull();
    expect((await api.requestCancel({ reason: "two" })).cancelRequest).toMatchObject({ reason: "two" });
  });

  it.each<[string, RequestCancelInput, string]>([
    ["of another attempt", { attempt: 2 }, "STALE_ATTEMPT"],
    ["of another job", { jobId: "other" }, "NOT_FOUND"],
    ["of another user", { username: "bob" }, "NOT_FOUND"],
    ["in another database", { database: "movies" }, "NOT_FOUND"],
    ["with a reason of more than 4,096 bytes", { reason: "a".repeat(4_097) }, "BAD_USER_INPUT"],
    ["of an impossible job id", { jobId: "" }, "BAD_USER_INPUT"],
  ])("%s is refused, and changes nothing: %s", async (_, input, code) => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.requestCancel(input)).rejects.toMatchObject(apiError(code));
    expect(await api.everything()).toEqual(before);
  });

  it("of the right attempt is accepted", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();

    expect(await api.requestCancel({ attempt: 2 })).toMatchObject({ cancelRequest: { by: "anonymous" } });
    await expect(api.requestCancel({ attempt: 1 })).rejects.toMatchObject(apiError("STALE_ATTEMPT"));
  });
});
