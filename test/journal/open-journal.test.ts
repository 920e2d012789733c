import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openJournal } from "../../src/journal/open-journal.js";
import { silentLog } from "../../src/util/log.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10, newEpoch: false, log: silentLog };

describe("openJournal", () => {
  it("opens a journal in memory for memory:", async () => {
    const journal = await openJournal("memory:", OPTIONS);
    expect(journal.supports).toEqual({ durability: false, otherWriters: false });
    expect(await journal.isWritable()).toBe(true);
  });

  it("opens a journal in a folder for lmdb:", async () => {
    await using journal = await openJournal(`lmdb:${temporaryFolder()}`, OPTIONS);
    expect(journal.supports).toEqual({ durability: true, otherWriters: false });
    expect(await journal.isWritable()).toBe(true);
  });

  it("creates the folder and its parents", async () => {
    const folder = join(temporaryFolder(), "a", "b");
    await using journal = await openJournal(`lmdb:${folder}`, OPTIONS);
    expect([await journal.isWritable(), readdirSync(folder)]).toEqual([
      true,
      ["owner", "reserve", "tidemark.json"],
    ]);
  });

  it.each(["/proc/tidemark", "/sys/tidemark/data"])(
    "rejects %s, where no folder can be created",
    async (folder) => {
      await expect(openJournal(`lmdb:${folder}`, OPTIONS)).rejects.toThrow(`Cannot use the folder ${folder}`);
    },
  );

  it("names the folder if its reserve cannot be opened", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "reserve"));
    writeFileSync(join(folder, "tidemark.json"), JSON.stringify({ product: "tidemark", format: 2 }));

    await expect(openJournal(`lmdb:${folder}`, OPTIONS)).rejects.toThrow(
      `Cannot use the folder ${folder}: EISDIR`,
    );
  });

  it.each(["redis://localhost", "rediss://localhost", "mongodb://localhost", "constructor:"])(
    "rejects %s, and names the supported stores and the remedy",
    async (url) => {
      const scheme = url.slice(0, url.indexOf(":") + 1);
      const opening = openJournal(url, OPTIONS);
      await expect(opening).rejects.toThrow(
        `Unknown store "${scheme}": this version supports memory:, lmdb:, postgres:, postgresql:.`,
      );
      await expect(opening).rejects.toThrow("Choose one of these (--store)");
    },
  );

  it.each(["", "memory", "./memory"])("rejects %j, which has no scheme", async (url) => {
    await expect(openJournal(url, OPTIONS)).rejects.toThrow(
      "The store URL has no scheme: this version supports memory:, lmdb:",
    );
  });

  it("does not repeat the password of a URL in its message", async () => {
    const opening = openJournal("redis://worker:hunter2@localhost", OPTIONS);
    await expect(opening).rejects.not.toThrow("hunter2");
  });
});
