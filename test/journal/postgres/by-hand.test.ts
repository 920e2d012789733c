import pg from "pg";
import { openPostgresJournal } from "../../../src/journal/postgres/postgres-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { journalSuite } from "../../conformance/journal-suite.js";
const URLS = new WeakMap<object, [string, object]>();
let n = 0;
async function fresh(): Promise<string> {
  const c = new pg.Client("postgres://tidemark@127.0.0.1:54391/postgres");
  await c.connect();
  const name = `t_${process.pid}_${++n}`;
  await c.query(`CREATE DATABASE ${name}`);
  await c.end();
  return `postgres://tidemark@127.0.0.1:54391/${name}`;
}
async function open(url: string, options: any) {
  const j = await openPostgresJournal(url, options);
  URLS.set(j, [url, options]);
  return j;
}
journalSuite("the PostgreSQL journal", async (options) => open(await fresh(), { ...options, newEpoch: false, log: silentLog }),
  async (j) => { const [u, o] = URLS.get(j)!; await j.close(); return open(u, o); });
