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
    const { own, ended } = statOf(pid);
    return children.map((child) => statOf(child).own).reduce((sum, own) => sum + own, own + ended);
  }
}

interface Stat {
  readonly parent: number;
  /** CPU time in microseconds: of the process, and of its children that have ended. */
  readonly own: number;
  readonly ended: number;
}

/** All zero if the process has ended. */
function statOf(pid: number): Stat {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, parent, ...more] = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    const [utime, stime, cutime, cstime] = more.slice(9) as [number, number, number, number];
    return { parent: parent!, own: (utime + stime) * TICK_MICROS, ended: (cutime + cstime) * TICK_MICROS };
  } catch {
    return { parent: 0, own: 0, ended: 0 };
  }
}

/** Of the kernel's clock. */
const TICK_MICROS = 10_000;
