import { describe, expect, it } from "vitest";
import { connect, leaf, task } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, jobOnServer } from "../server-jobs.js";

describe("A job whose work throws", () => {
  it.each<[string, unknown, string]>([
    ["an object without a prototype", Object.create(null), "a value that has no text"],
    ["a proxy that throws", proxyThatThrows(), "a value that has no text"],
    ["a symbol", Symbol("stop"), "Symbol(stop)"],
    ["undefined", undefined, "undefined was thrown"],
    [
      "an error with causes",
      new Error("Import failed", { cause: "no paper" }),
      "Import failed: caused by no paper",
    ],
  ])("%s rejects with the very same value and ends FAILED", async (_, thrown, message) => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly", leaf("Import")));
    const outcome = await job
      .run((root) =>
        root.run("Import", () => {
          throw thrown;
        }),
      )
      .then(
        () => ({ rejection: "none" as unknown }),
        (rejection: unknown) => ({ rejection }),
      );

    expect(Object.is(outcome.rejection, thrown)).toBe(true);
    expect((await jobOnServer(server.url)).tasks[0]).toMatchObject({ status: "FAILED", message });
  });

  it("from a tracked iterable ends the same way", async () => {
    await using server = await startServer();
    const thrown = proxyThatThrows();
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));
    const items = (function* (): Generator<string> {
      yield "a";
      throw thrown;
    })();
    const rejection = await job.run((root) => [...root.track(items)]).catch((error: unknown) => [error]);

    expect(Object.is(rejection[0], thrown)).toBe(true);
    expect((await jobOnServer(server.url)).tasks[0]!.status).toBe("FAILED");
  });

  it("accepts texts that are no strings without an error", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));
    await job.run((root) => {
      for (const odd of [null, undefined, 5, Symbol("s"), Object.create(null)] as unknown as string[]) {
        root.message(odd);
        root.log.info(odd);
      }
      root.message(404 as unknown as string);
    });

    const { tasks, log } = await jobOnServer(server.url);
    expect([tasks[0]!.status, tasks[0]!.message, log.length]).toEqual(["FINISHED", "404", 5]);
  });
});

function proxyThatThrows(): object {
  const trap = (): never => {
    throw new Error("trap");
  };
  return new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap });
}
