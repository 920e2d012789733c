import type { ClientBase } from "pg";
import { packageVersion } from "../../util/package-version.js";
import { FUNCTIONS } from "./functions.js";

/**
 * The tables of all databases, in a PostgreSQL schema of their own. Names are always written with the schema, so nothing depends
 * on `search_path`. Everything is compared by bytes (`COLLATE "C"`), as elsewhere in the program.
 *
 *     databases    one row for each database: the only row that an append changes in place
 *     generations  the generations of each history, in order
 *     entries      the newest entries, without a gap
 *     jobs         each job as it was at `databases.compacted`, or before; entries above that are newer
 *     removals     the tombstones that are remembered
 *     leases       which server does the background duties of a database
 *     fences       which appends of a server came too late
 */
const TABLES = `
CREATE TABLE tidemark.schema_version (version integer NOT NULL);

CREATE TABLE tidemark.databases (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  epoch text NOT NULL,
  generation text NOT NULL,
  incarnation text NOT NULL,
  head bigint NOT NULL DEFAULT 0,
  compacted bigint NOT NULL DEFAULT 0,
  tombstone_horizon bigint NOT NULL DEFAULT 0,
  job_count bigint NOT NULL DEFAULT 0,
  removal_count bigint NOT NULL DEFAULT 0,
  written_at timestamptz NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE tidemark.generations (
  database_id bigint NOT NULL,
  ordinal integer NOT NULL,
  generation text NOT NULL,
  starts_at bigint NOT NULL,
  PRIMARY KEY (database_id, ordinal)
);

CREATE TABLE tidemark.entries (
  database_id bigint NOT NULL,
  revision bigint NOT NULL,
  at timestamptz NOT NULL,
  is_removal boolean NOT NULL,
  job_key text COLLATE "C" NOT NULL,
  commit_id text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (database_id, revision)
);
CREATE INDEX entries_by_job ON tidemark.entries (database_id, job_key, revision);

CREATE TABLE tidemark.jobs (
  database_id bigint NOT NULL,
  revision bigint NOT NULL,
  stored_revision bigint NOT NULL,
  job_key text COLLATE "C" NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (database_id, job_key)
);

CREATE TABLE tidemark.removals (
  database_id bigint NOT NULL,
  revision bigint NOT NULL,
  job_key text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (database_id, job_key)
);
CREATE INDEX removals_by_revision ON tidemark.removals (database_id, revision);

CREATE TABLE tidemark.fences (
  name text COLLATE "C" NOT NULL,
  node text NOT NULL,
  fence bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (name, node)
);

CREATE TABLE tidemark.leases (
  name text COLLATE "C" PRIMARY KEY,
  node text NOT NULL,
  until timestamptz NOT NULL
) WITH (fillfactor = 50);
`;

/** What leads to each version from the one before. A later version adds its step here. */
const STEPS: readonly string[] = [TABLES + FUNCTIONS];

/** Held while the schema is made, so that servers that start together make it once. */
const SCHEMA_LOCK = 7_435_662_201;

/**
 * Makes the schema, or leads an older one to this version.
 * @param mustExist whether to make none where there is none
 * @throws Error for the operator: a newer version has made it, or the database cannot be used.
 */
export async function prepareSchema(client: ClientBase, mustExist = false): Promise<void> {
  await checkEncoding(client);
  const found = await versionOf(client);
  if (found === STEPS.length) return;
  if (found === 0 && mustExist)
    throw new Error("The PostgreSQL database has no schema tidemark: no Tidemark has used it.");
  await client.query("BEGIN");
  await client.query(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
  const version = await versionOf(client);
  if (version > STEPS.length) throw newerSchemaError(version);
  await client.query("CREATE SCHEMA IF NOT EXISTS tidemark");
  for (const step of STEPS.slice(version)) await client.query(step);
  await client.query("DELETE FROM tidemark.schema_version");
  await client.query(`INSERT INTO tidemark.schema_version VALUES (${STEPS.length})`);
  await client.query("COMMIT");
}

/** 0 if there is no schema. */
async function versionOf(client: ClientBase): Promise<number> {
  const { rows: tables } = await client.query(SCHEMA_TABLE);
  if (tables.length === 0) return 0;
  const { rows } = await client.query("SELECT version FROM tidemark.schema_version");
  return rows[0]?.version ?? 0;
}

/** Reads the catalog itself: `to_regclass` may remember, within a transaction, that there was no schema. */
const SCHEMA_TABLE =
  "SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'tidemark' AND tablename = 'schema_version'";

async function checkEncoding(client: ClientBase): Promise<void> {
  const { rows } = await client.query("SELECT current_setting('server_encoding') AS encoding");
  const { encoding } = rows[0];
  if (encoding !== "UTF8")
    throw new Error(
      `The PostgreSQL database has the encoding ${encoding}, but names and messages need UTF8. Create one with ENCODING 'UTF8'.`,
    );
}

function newerSchemaError(version: number): Error {
  return new Error(
    `The schema tidemark of the PostgreSQL database has version ${version}, which Tidemark ${packageVersion()} does not know: it knows up to ${STEPS.length}. The data is intact: use the version that wrote it, or a newer one.`,
  );
}
