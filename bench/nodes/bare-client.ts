import pg from "pg";

/** Entries as a store has written them: their columns, by appends. */
export type Appends = readonly (readonly Entry[])[];

interface Entry {
  readonly job_key: string;
  readonly commit_id: string;
  readonly body: string;
}

/** What a program without Tidemark would do: insert the same rows, in the same groups, and count them in the head. */
export class BareClient implements AsyncDisposable {
  readonly #client: pg.Client;

  /** @param url of the database in which a Tidemark has its tables, of which it has a copy of its own */
  static async connect(url: string): Promise<BareClient> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`
      CREATE SCHEMA bare;
      CREATE TABLE bare.entries (LIKE tidemark.entries INCLUDING ALL);
      CREATE TABLE bare.heads (head bigint) WITH (fillfactor = 10);
      INSERT INTO bare.heads VALUES (0)`);
    return new BareClient(client);
  }

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** The appends after a revision, as the store made them: each was one transaction. */
  async appendsAfter(revision: number): Promise<Appends> {
    const { rows } = await this.#client.query<{ entries: Entry[] }>(
      `SELECT json_agg(json_build_object('job_key', job_key, 'commit_id', commit_id, 'body', body) ORDER BY revision) AS entries
       FROM tidemark.entries WHERE revision > $1 GROUP BY xmin::text ORDER BY min(revision)`,
      [revision],
    );
    return rows.map(({ entries }) => entries);
  }

  /** Repeats them, one after the other. Resolves with the seconds. */
  async repeat(appends: Appends): Promise<number> {
    await this.#client.query("TRUNCATE bare.entries; UPDATE bare.heads SET head = 0");
    const began = performance.now();
    for (const entries of appends) await this.#append(entries);
    return (performance.now() - began) / 1_000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }

  async #append(entries: readonly Entry[]): Promise<void> {
    const columns = [
      entries.map(({ job_key }) => job_key),
      entries.map(({ commit_id }) => commit_id),
      entries.map(({ body }) => body),
    ];
    await this.#client.query(APPEND, [entries.length, ...columns]);
  }
}

const APPEND = `
WITH before AS (UPDATE bare.heads SET head = head + $1 RETURNING head - $1 AS head)
INSERT INTO bare.entries (database_id, revision, at, is_removal, job_key, commit_id, body)
SELECT 1, before.head + e.n, clock_timestamp(), false, e.job_key, e.commit_id, e.body
FROM before, unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY e(job_key, commit_id, body, n)`;
