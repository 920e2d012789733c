import { mkdirSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HttpConnection, ask, dataOf, readMetric } from "../../kit/network/raw-http.js";
import { flipBits } from "../../kit/disk-faults/folder-files.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { RecordingLog } from "../../kit/server/recording-log.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { bearer } from "../../rights/entry-points.js";

/** A database that cannot be opened affects no other one, and never hides. */

const DATABASES = "{ databases { name unavailable taskCount } }";
const METRIC = "tidemark_databases_unavailable";

describe("a database that cannot be opened at the start", () => {
  it("is listed, counted, named in /ready and logged once, and the others work", async () => {
    const folder = await folderOf("bad", "good");
    flipBits(join(folder, "bad.mdb"), `"jobId":"j"`);
    const log = new RecordingLog();
    await using server = await startServer({ store: `lmdb:${folder}` }, { log });

    const bad = { name: "bad", unavailable: "It is damaged. An operator must repair it.", taskCount: 0 };
    const good = { name: "good", unavailable: null, taskCount: 1 };
    expect(await dataOf(server.url, DATABASES)).toEqual({ databases: [bad, good] });
    expect(await dataOf(server.url, DATABASES)).toEqual({ databases: [bad, good] });
    expect(await readMetric(server.url, METRIC)).toBe(1);
    expect(await readiness(server.url)).toEqual([
      200,
      {
        status: "ready",
        problems: [`database "bad" is unavailable: It is damaged. An operator must repair it.`],
      },
    ]);
    expect(log.lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { file: join(folder, "bad.mdb") } },
    ]);
  });

  it("opens once its file is usable again, in the epoch that --new-epoch began", async () => {
    const folder = await folderOf("bad", "good");
    const before = await epochsIn(folder);
    const file = join(folder, "bad.mdb");
    renameSync(file, `${file}.kept`);
    mkdirSync(file); // a folder cannot be read, not even by root
    const log = new RecordingLog();
    await using server = await startServer({ store: `lmdb:${folder}`, newEpoch: true }, { log });
    await ask(server.url, { query: `{ taskCount(database: "bad") }` });
    expect(await dataOf(server.url, DATABASES)).toMatchObject({
      databases: [
        { name: "bad", unavailable: expect.stringContaining("EISDIR") as unknown },
        { name: "good" },
      ],
    });

    rmdirSync(file);
    renameSync(`${file}.kept`, file);

    expect(await dataOf(server.url, `{ tasks(database: "bad") { nodes { jobId } } }`)).toEqual({
      tasks: { nodes: [{ jobId: "j" }] },
    });
    expect(log.lines.filter(({ message }) => message.includes("that was unavailable"))).toMatchObject([
      { level: "info", fields: { database: "bad" } },
    ]);
    expect(await readMetric(server.url, METRIC)).toBe(0);
    expect(await readiness(server.url)).toEqual([200, { status: "ready" }]);
    const after = await positionsAt(server.url);
    expect(after.map(epochOf)).not.toContain(before[0]);
    expect(after.map(epochOf)).not.toContain(before[1]);
  });

  it("rejects a query of its jobs, but not the other fields of the query", async () => {
    const folder = await folderOf("bad", "good");
    flipBits(join(folder, "bad.mdb"), `"jobId":"j"`);
    await using server = await startServer({ store: `lmdb:${folder}` });

    const query = `{ bad: tasks(database: "bad") { nodes { jobId } } good: tasks(database: "good") { nodes { jobId } } }`;

    expect(await ask(server.url, { query })).toMatchObject({
      data: { bad: null, good: { nodes: [{ jobId: "j" }] } },
      errors: [{ path: ["bad"], extensions: { code: "UNAVAILABLE" } }],
    });
  });

  it("is counted with the others for clients that may not see them, and named for administrators", async () => {
    const folder = await folderOf("bad", "worse");
    for (const name of ["bad", "worse"]) flipBits(join(folder, `${name}.mdb`), `"jobId":"j"`);
    const tokens = new Tokens();
    const admin = await tokens.grant("root", { role: "admin" });
    await using server = await startServer({ store: `lmdb:${folder}`, auth: tokens.auth });

    expect((await readiness(server.url))[1]).toEqual({
      status: "ready",
      problems: ["2 databases are unavailable; the log names them"],
    });
    expect((await readiness(server.url, admin))[1]).toMatchObject({
      problems: [expect.stringContaining(`"bad"`), expect.stringContaining(`"worse"`)],
    });
  });

  it("is not named to clients that may not see it", async () => {
    const folder = await folderOf("bad", "good");
    flipBits(join(folder, "bad.mdb"), `"jobId":"j"`);
    const tokens = new Tokens();
    const [alice, admin] = [await tokens.grant("alice"), await tokens.grant("root", { role: "admin" })];
    await using server = await startServer({ store: `lmdb:${folder}`, auth: tokens.auth });
    const problemsFor = async (token?: string) => (await readiness(server.url, token))[1];

    expect(await problemsFor(admin)).toMatchObject({ problems: [expect.stringContaining(`"bad"`)] });
    const anonymous = { status: "ready", problems: ["a database is unavailable; the log names it"] };
    expect([await problemsFor(), await problemsFor(alice)]).toEqual([anonymous, anonymous]);
    using connection = new HttpConnection(server.url);
    const { body } = await connection.post({ query: DATABASES }, bearer(alice));
    expect(JSON.parse(body)).toEqual({ data: { databases: [] } });
  });
});

async function folderOf(...databases: readonly string[]): Promise<string> {
  const folder = temporaryFolder();
  await using server = await startServer({ store: `lmdb:${folder}` });
  for (const database of databases)
    await dataOf(
      server.url,
      `mutation { storeTask(input: { database: "${database}", jobId: "j", task: { description: "t" } }) { outcome } }`,
    );
  return folder;
}

async function epochsIn(folder: string): Promise<string[]> {
  await using server = await startServer({ store: `lmdb:${folder}` });
  return (await positionsAt(server.url)).map(epochOf);
}

async function positionsAt(url: string): Promise<string[]> {
  const { databases } = await dataOf<{ databases: { position: string }[] }>(
    url,
    "{ databases { position } }",
  );
  return databases.map(({ position }) => position);
}

/** The epoch comes first in a position. */
function epochOf(position: string): string {
  return position.slice(0, 12);
}

async function readiness(url: string, token?: string): Promise<[number, unknown]> {
  using connection = new HttpConnection(url);
  const { status, body } = await connection.request({ path: "/ready", headers: bearer(token) });
  return [status, JSON.parse(body)];
}
