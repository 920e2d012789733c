import { SeverableProxy } from "../network/severable-proxy.js";
import { startPostgres, USER, type PostgresServer } from "./postgres-server.js";

export interface ReplicatedPostgresOptions {
  readonly standbys: readonly StandbyOptions[];
  /** Settings of the primary. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface StandbyOptions {
  /** Whether a commit waits for it. */
  readonly sync?: boolean;
}

export interface Standby {
  readonly server: PostgresServer;
  /** Its connection to the primary. */
  readonly link: SeverableProxy;
}

/**
 * A primary with physical standbys.
 *
 *     await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
 *     const [standby] = postgres.standbys;
 *     await postgres.primary.kill();
 *     await standby!.server.promote();
 */
export class ReplicatedPostgres implements AsyncDisposable {
  readonly primary: PostgresServer;
  readonly standbys: Standby[] = [];

  /** Resolves when all standbys receive what the primary writes, and commits wait for the synchronous ones. */
  static async start({ standbys, settings = {} }: ReplicatedPostgresOptions): Promise<ReplicatedPostgres> {
    const postgres = new ReplicatedPostgres(await startPostgres({ settings }));
    try {
      await postgres.#addStandbys(standbys.length);
      await postgres.#waitForStandbys(standbys.flatMap(({ sync }, at) => (sync ? [nameOf(at)] : [])));
      return postgres;
    } catch (error) {
      await postgres[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(primary: PostgresServer) {
    this.primary = primary;
  }

  /** How many standbys receive what the primary writes, and for how many of them a commit waits. */
  async receiving(): Promise<{ readonly all: number; readonly sync: number }> {
    const states = await this.primary.query<{ state: string }>(
      "SELECT sync_state AS state FROM pg_stat_replication WHERE state = 'streaming'",
    );
    return { all: states.length, sync: states.filter(({ state }) => state === "sync").length };
  }

  /** Resolves when all standbys have applied what is committed now. */
  async replayed(): Promise<void> {
    const [now] = await this.primary.query<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
    const applied = `SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= '${now!.lsn}'`;
    while ((await this.primary.query(applied)).length < this.standbys.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = this.standbys.flatMap(({ server, link }) => [server, link]);
    await Promise.all([this.primary, ...parts].map((part) => part[Symbol.asyncDispose]()));
  }

  async #addStandbys(count: number): Promise<void> {
    await using backup = await this.primary.backup();
    for (let at = 0; at < count; at++) {
      const link = await SeverableProxy.open(this.primary.url);
      const primary = `host=127.0.0.1 port=${link.port} user=${USER} application_name=${nameOf(at)}`;
      const server = await startPostgres({ from: backup, standbyOf: primary });
      this.standbys.push({ server, link });
    }
  }

  async #waitForStandbys(sync: readonly string[]): Promise<void> {
    if (sync.length > 0)
      await this.primary.configure({ synchronous_standby_names: `${sync.length} (${sync.join(", ")})` });
    for (;;) {
      const receiving = await this.receiving();
      if (receiving.all === this.standbys.length && receiving.sync === sync.length) return;
    }
  }
}

function nameOf(at: number): string {
  return `standby_${at + 1}`;
}
