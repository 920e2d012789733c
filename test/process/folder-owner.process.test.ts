import { chownSync, cpSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flipBits } from "../kit/disk-faults/folder-files.js";
import { dataOf } from "../kit/network/raw-http.js";
import { Program, readyLine } from "../kit/process/child-process.js";
import { asNobody, CAN_BE_NOBODY, NEEDS_ROOT, NOBODY } from "../kit/process/other-user.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";

/** The commands of an operator who is root, on the folder of a server that is not. */

describe.skipIf(!CAN_BE_NOBODY)(`a data folder of another user ${NEEDS_ROOT}`, () => {
  it("stays usable for its server while and after root backs it up", async () => {
    const folder = await folderOfNobody();
    await using server = asNobody(["serve", "--port", "0"], { env: { TIDEMARK_STORE: `lmdb:${folder}` } });
    const { url } = await readyLine(server);
    rmSync(join(folder, "d.mdb-lock"), { force: true }); // as in a folder that was copied without it

    expect((await asRoot("backup", folder, join(temporaryFolder(), "copy"))).code).toBe(0);

    expect(await storeJob(url)).toMatchObject({ storeTask: { outcome: "OVERWRITTEN" } });
    expect(ownersIn(folder)).toEqual([NOBODY]);
  });

  it("is named in a warning if root starts a server on it", async () => {
    const folder = await folderOfNobody();
    await using server = Program.node(["dist/main.js", "serve", "--port", "0", "--store", `lmdb:${folder}`]);
    await readyLine(server);

    const warning = await server.line((line) => line.includes("runs as root"));

    expect(JSON.parse(warning)).toMatchObject({ level: 40, folder });
  });

  it("stays usable for its server after root compacts it, and a database that cannot be compacted is named", async () => {
    const folder = await folderOfNobody();
    cpSync(join(folder, "d.mdb"), join(folder, "bad.mdb"));
    flipBits(join(folder, "bad.mdb"), `"jobId":"j"`);
    rmSync(join(folder, "owner"));

    const { code, out, err } = await asRoot("compact", folder);
    await using server = asNobody(["serve", "--port", "0"], { env: { TIDEMARK_STORE: `lmdb:${folder}` } });

    expect(code).toBe(1);
    expect(out[0]).toMatch(/^bad: NOT COMPACTED: .*checksum/);
    expect(out[1]).toMatch(/^d: /);
    expect(err.join("")).toContain("1 of 2 databases not compacted");
    expect(ownersIn(folder)).toEqual([NOBODY]);
    expect(await storeJob((await readyLine(server)).url)).toMatchObject({
      storeTask: { outcome: "OVERWRITTEN" },
    });
  });

  it("stays usable for its server after root checks and repairs it", async () => {
    const folder = await folderOfNobody();
    flipBits(join(folder, "d.mdb"), `"jobId":"j"`);
    rmSync(join(folder, "owner"));

    expect((await asRoot("check", folder)).code).toBe(1);
    expect(ownersIn(folder)).toEqual([NOBODY]);
    await asRoot("repair", folder);
    expect(ownersIn(folder)).toEqual([NOBODY]);

    await using server = asNobody(["serve", "--port", "0"], { env: { TIDEMARK_STORE: `lmdb:${folder}` } });
    expect(await storeJob((await readyLine(server)).url)).toMatchObject({
      storeTask: { outcome: "CREATED" },
    });
  });
});

/** A folder with one database, `d`, written by a server of `nobody` that has ended. */
async function folderOfNobody(): Promise<string> {
  const folder = temporaryFolder();
  chownSync(folder, NOBODY, NOBODY);
  const server = asNobody(["serve", "--port", "0"], { env: { TIDEMARK_STORE: `lmdb:${folder}` } });
  await storeJob((await readyLine(server)).url);
  server.signal("SIGTERM");
  await server.exited;
  return folder;
}

function storeJob(url: string): Promise<unknown> {
  return dataOf(
    url,
    `mutation { storeTask(input: { database: "d", jobId: "j", task: { description: "t" } }) { outcome } }`,
  );
}

async function asRoot(...args: readonly string[]) {
  await using program = Program.node(["dist/main.js", ...args]);
  return { ...(await program.exited), out: program.out, err: program.err };
}

function ownersIn(folder: string): number[] {
  return [...new Set(readdirSync(folder).map((name) => statSync(join(folder, name)).uid))];
}
