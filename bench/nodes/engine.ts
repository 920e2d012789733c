import { readFileSync } from "node:fs";
import pg from "pg";
import { startPostgres, type PostgresServer } from "../../test/kit/postgres/postgres-server.js";

export interface EngineCost {
  /** CPU time of all processes of the server, in microseconds. */
  readonly cpuMicros: number;
  readonly walBytes: number;
  /** Pages that were written in full to the log, because they had not changed since the last checkpoint. */
  readonly fullPages: number;
}

/** A PostgreSQL whose cost is measured. It has the default settings, except for a longer time between checkpoints. */
export class Engine implements AsyncDisposable {
  readonly server: PostgresServer;
  readonly #client: pg.Client;
  readonly #postmaster: number;

  static async start(): Promise<Engine> {
    const server = await startPostgres({ settings: { shared_buffers: "128MB", max_wal_size: "8GB" } });
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    return new Engine(server, client, statOf(rows[0]!.pid).parent);
  }

  private constructor(server: PostgresServer, client: pg.Client, postmaster: number) {
    this.server = server;
    this.#client = client;
    this.#postmaster = postmaster;
  }

  /** The cost so far. */
  async cost(): Promise<EngineCost> {
    const { rows } = await this.#client.query<Record<"bytes" | "pages", string>>(
      "SELECT wal_bytes AS bytes, wal_fpi AS pages FROM pg_stat_wal",
    );
    const { bytes, pages } = rows[0]!;
    return { cpuMicros: this.#cpuMicros(), walBytes: Number(bytes), fullPages: Number(pages) };
  }

  async checkpoint(): Promise<void> {
    await this.#client.query("CHECKPOINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
    await this.server[Symbol.asyncDispose]();
  }

  #cpuMicros(): number {
    const pid = this.#postmaster;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
    return [pid, ...children].map(ownMicros).reduce((sum, micros) => sum + micros, statOf(pid).endedMicros);
  }
}

/** CPU time of a process without its children; 0 if it has ended. */
function ownMicros(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[0]) / 1_000;
  } catch {
    return 0;
  }
}

interface Stat {
  readonly parent: number;
  /** CPU time of the children that have ended. */
  readonly endedMicros: number;
}

function statOf(pid: number): Stat {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [, parent, ...more] = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [cutime, cstime] = more.slice(11) as [number, number];
  return { parent: parent!, endedMicros: (cutime + cstime) * TICK_MICROS };
}

/** Of the kernel's clock. */
const TICK_MICROS = 10_000;
