import { describe, expect, it } from "vitest";
import { connect, iterative, leaf, task } from "../../../src/client/index.js";
import { startServer } from "../../kit/server/server.js";
import { JOB, linesOf, jobOnServer } from "../server-jobs.js";

describe("A tracked loop", () => {
  it.each([
    ["an array", () => ["a", "b", "c"]],
    ["a text", () => "abc"],
    ["a set", () => new Set(["a", "b", "c"])],
    ["a generator", generated],
    ["an asynchronous generator", generatedLater],
  ])("over %s yields each item, and counts it on a new leaf", async (_, items) => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly"));
    const taken = await job.run(async (root) => {
      const all: string[] = [];
      for await (const item of root.track(items() as Iterable<string>, "Import")) all.push(item);
      expect(root.sub("Import").path).toBe("0");
      return all;
    });

    expect(taken).toEqual(["a", "b", "c"]);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["Nightly FINISHED 3/3", "Import FINISHED 3/3"]);
  });

  it("over an iterable needs no await, and counts on the declared leaf", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly", leaf("Import"), leaf("Export")));
    await job.run(() => {
      for (const item of job.track(generated(), "Export", { volume: 7 })) expect(item).toMatch(/[abc]/);
    });

    expect(linesOf(await jobOnServer(server.url))).toEqual([
      "Nightly FINISHED 7/7",
      "Import CANCELED 0/?",
      "Export FINISHED 7/7",
    ]);
  });

  it("counts on a leaf of an iteration", async () => {
    await using server = await startServer();
    const steps = iterative("iterate", { mode: "FIXED", max: 2 }, leaf("read"), leaf("write"));
    const job = connect({ url: server.url }).job(JOB, steps);
    await job.run(async (root) => {
      for await (const iteration of root.iterations()) {
        for (const item of iteration.track(["a", "b"], "read")) expect(item).toMatch(/[ab]/);
        for await (const item of iteration.track(generatedLater(), 1)) iteration.log.warn(item);
        expect(iteration.signal).toBe(job.signal);
      }
    });

    const { log, ...shown } = await jobOnServer(server.url);
    const lines = ["read FINISHED 2/2", "write FINISHED 3/3"];
    expect(linesOf({ log, ...shown })).toEqual(["iterate FINISHED 10/10", ...lines, ...lines]);
    expect(log.map(({ level, path, message }) => [level, path, message])).toEqual(
      ["a", "b", "c", "a", "b", "c"].map((message) => ["WARNING", "", message]),
    );
  });

  it("counts on the root if the job is a single leaf", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));
    for await (const item of job.track(generatedLater())) expect(item).toMatch(/[abc]/);
    await job.flush();

    expect(linesOf(await jobOnServer(server.url))).toEqual(["Import FINISHED 3/3"]);
  });

  it("fails its task when the iterable throws", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly"));
    const running = job.run(async (root) => {
      for await (const item of root.track(failing(), "Import")) expect(item).toBe("a");
    });

    await expect(running).rejects.toThrow("no more to read");
    expect(linesOf(await jobOnServer(server.url))).toEqual(["Nightly FAILED 1/?", "Import FAILED 1/?"]);
  });

  it("closes the iterator on early exit, and ends with the task above", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly"));
    let isClosed = false;
    const items = (function* () {
      try {
        yield* generated();
      } finally {
        isClosed = true;
      }
    })();
    await job.run((root) => {
      const [first] = root.track(items, "Import");
      expect(first).toBe("a");
    });

    expect(isClosed).toBe(true);
    expect(linesOf(await jobOnServer(server.url))).toEqual(["Nightly FINISHED 0/0", "Import FINISHED 0/0"]);
  });

  it("that is left early ends with the task above, with what was counted as its volume", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly", leaf("rows")));
    await job.run((root) => {
      const [, , third] = root.track([1, 2, 3, 4, 5], "rows");
      expect(third).toBe(3);
    });

    expect(linesOf(await jobOnServer(server.url))).toEqual(["Nightly FINISHED 2/2", "rows FINISHED 2/2"]);
  });

  it("over a text counts its characters, not its UTF-16 units", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, leaf("Import"));
    await job.run((root) => [...root.track("a😀")]);

    expect(linesOf(await jobOnServer(server.url))).toEqual(["Import FINISHED 2/2"]);
  });

  it.each([
    ["a number", 5, "Can't track 5: expected an iterable"],
    ["null", null, "Can't track null: expected an iterable"],
    ["an object", { rows: 5 }, `Can't track {"rows":5}: expected an iterable`],
  ])("over %s throws a TypeError that names it", (_, items, message) => {
    const job = connect({ url: "http://localhost:1" }).job(JOB, leaf("Import"));

    expect(() => job.track(items as unknown as string[])).toThrow(
      new TypeError(`${message}, such as an array.`),
    );
  });

  it("throws in its next iteration when the job is canceled", async () => {
    await using server = await startServer();
    const job = connect({ url: server.url }).job(JOB, task("Nightly"));
    const running = job.run(async (root) => {
      for await (const item of root.track(generated(), "Import")) job.cancel(`${item} is enough`);
    });

    await expect(running).rejects.toMatchObject({ name: "AbortError", message: "a is enough" });
    expect(linesOf(await jobOnServer(server.url))).toEqual(["Nightly CANCELED 1/?", "Import CANCELED 1/?"]);
  });
});

function* generated(): Generator<string, void, undefined> {
  yield* ["a", "b", "c"];
}

async function* generatedLater(): AsyncGenerator<string, void, undefined> {
  yield* generated();
}

async function* failing(): AsyncGenerator<string, void, undefined> {
  yield "a";
  throw new Error("no more to read");
}
