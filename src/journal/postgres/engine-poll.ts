import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { DatabaseName } from "../../tasks/names.js";
import type { Log } from "../../util/log.js";
import type { EngineStats, JournalEngine } from "../journal.js";
import type { Connections, Row } from "./connections.js";
import type { EngineCounters } from "./engine-counters.js";
import type { PostgresDatabase } from "./postgres-database.js";

/**
 * Watches PostgreSQL for all open databases at once: one repeated statement returns the head of each of them and the time of
 * day. The leases are renewed on the same connection.
 */
export class EnginePoll implements JournalEngine {
  failure: unknown;
  readonly #connections: Connections;
  readonly #databases: ReadonlyMap<DatabaseName, { readonly database: PostgresDatabase }>;
  readonly #counters: EngineCounters;
  readonly #log: Log;
  readonly #node = randomBytes(9).toString("base64url");
  readonly #stopped = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #server: string | undefined;
  /** The time of day minus the monotonic time, and how exactly it was measured. */
  #clock = { offsetMs: Date.now() - performance.now(), errorMs: Infinity, measuredAt: -Infinity };
  /** When the first question without an answer was asked, in monotonic time; undefined if there is none. */
  #askedAt: number | undefined;
  #leasesRenewedAt = -Infinity;

  constructor(
    connections: Connections,
    databases: ReadonlyMap<DatabaseName, { readonly database: PostgresDatabase }>,
    counters: EngineCounters,
    log: Log,
  ) {
    this.#connections = connections;
    this.#databases = databases;
    this.#counters = counters;
    this.#log = log;
  }

  /** @throws JournalError if the server does not answer the first time */
  async start(): Promise<void> {
    await this.#poll();
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
    const statement = { sql: "DELETE FROM tidemark.leases WHERE node = $1", values: [this.#node] };
    await this.#connections.poll(statement).catch(() => {}); // it ends by itself
  }

  now(): number {
    return Math.round(performance.now() + this.#clock.offsetMs);
  }

  silentMs(): number {
    const silentMs = this.#askedAt === undefined ? 0 : performance.now() - this.#askedAt;
    return silentMs < SILENT_MIN_MS ? 0 : silentMs;
  }

  stats(): EngineStats {
    const databases = Array.from(this.#databases.values(), ({ database }) => database);
    const lag = Math.max(0, ...databases.map((database) => database.lag));
    return this.#counters.stats({
      lag,
      leases: databases.filter((database) => database.holdsLease()).length,
    });
  }

  async takeLease(database: DatabaseName): Promise<boolean> {
    const endsAt = performance.now() + LEASE_MS;
    const held = await this.#renewLeases([database]);
    this.#databases.get(database)?.database.setLease(held.has(database) ? endsAt : -Infinity);
    return held.has(database);
  }

  /** Never rejects. */
  async releaseLease(database: DatabaseName): Promise<void> {
    const sql = "DELETE FROM tidemark.leases WHERE name = $1 AND node = $2";
    await this.#connections.poll({ sql, values: [database, this.#node] }).catch(() => {}); // it ends by itself
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    let waitMs = BUSY_MS;
    while (!signal.aborted) {
      await pause(waitMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        const hasNews = await this.#poll();
        waitMs = hasNews ? BUSY_MS : Math.min(IDLE_MS, waitMs * BACK_OFF);
        if (performance.now() - this.#leasesRenewedAt >= LEASE_RENEWAL_MS) await this.#renewAllLeases();
      } catch (error) {
        this.failure = error;
        waitMs = IDLE_MS;
      }
    }
  }

  /** Returns whether a database has changed. */
  async #poll(): Promise<boolean> {
    const askedAt = performance.now();
    this.#askedAt ??= askedAt;
    const names = [...this.#databases.keys()];
    const rows = await this.#connections.poll({ sql: POLL, values: [names] });
    const { now, server } = rows[0]!;
    const answeredAt = performance.now();
    this.#askedAt = undefined;
    this.#counters.polled(answeredAt - askedAt);
    this.#setClock(now, askedAt, answeredAt);
    this.#recognize(server);
    return this.#tell(names, new Map(rows.map((row) => [row["name"], row])));
  }

  #tell(names: readonly DatabaseName[], rows: ReadonlyMap<DatabaseName, Row>): boolean {
    let hasNews = false;
    for (const name of names) {
      const database = this.#databases.get(name)?.database;
      if (!database) continue; // closed meanwhile
      const row = rows.get(name);
      if (row && row["is_current"] === false) database.beginGeneration().catch(() => {}); // the next poll tries again
      else if (database.learnsFrom(row)) hasNews = true;
    }
    return hasNews;
  }

  async #renewAllLeases(): Promise<void> {
    const askedAt = performance.now();
    const names = [...this.#databases.keys()];
    const held = await this.#renewLeases(names);
    this.#leasesRenewedAt = askedAt;
    for (const name of names)
      this.#databases.get(name)?.database.setLease(held.has(name) ? askedAt + LEASE_MS : -Infinity);
  }

  async #renewLeases(names: readonly DatabaseName[]): Promise<ReadonlySet<DatabaseName>> {
    const sql = "SELECT name FROM tidemark.renew_leases($1, $2, $3) AS name";
    const rows = await this.#connections.poll({ sql, values: [names, this.#node, LEASE_MS] });
    return new Set(rows.map(({ name }) => name));
  }

  #setClock(now: number, askedAt: number, answeredAt: number): void {
    const errorMs = (answeredAt - askedAt) / 2;
    const isOld = answeredAt - this.#clock.measuredAt > CLOCK_MS;
    if (errorMs > this.#clock.errorMs && !isOld) return;
    this.#clock = { offsetMs: now - (askedAt + answeredAt) / 2, errorMs, measuredAt: answeredAt };
  }

  /** After a failover, connections to the server before must not be used. */
  #recognize(server: string): void {
    if (this.#server !== undefined && this.#server !== server) {
      this.#log.warn({}, "another PostgreSQL server has taken over, or it was started again");
      this.#connections.renew();
    }
    this.#server = server;
  }
}

const POLL = `
WITH server AS MATERIALIZED (
  SELECT tidemark.incarnation() AS incarnation, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
)
SELECT server.now, server.incarnation AS server, d.name, d.epoch, d.generation, d.head, d.incarnation = server.incarnation AS is_current
FROM server LEFT JOIN tidemark.databases d ON d.name = ANY ($1)`;

const BUSY_MS = 10;
const IDLE_MS = 100;
const BACK_OFF = 1.25;
const LEASE_MS = 15_000;
const LEASE_RENEWAL_MS = 5_000;
/** How long the most exact reading of the clock counts. */
const CLOCK_MS = 10_000;
const SILENT_MIN_MS = 1_000;
