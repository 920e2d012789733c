import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { Program } from "../process/child-process.js";
import { onFreePort } from "../process/free-port.js";
import { postgresProgram, succeeded, unprivileged, unprivilegedFolder } from "./installation.js";

export interface PostgresOptions {
  /** Settings of the server, such as `{ max_connections: "10" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The backup that it starts from; default: a new, empty server. */
  readonly from?: PostgresBackup;
  /** For a standby: how to connect to its primary. */
  readonly standbyOf?: string;
}

/** A copy of the data of a server. */
export interface PostgresBackup extends AsyncDisposable {
  /** A folder with the folder `data`. */
  readonly home: string;
}

/** Starts a PostgreSQL server in a temporary folder, on 127.0.0.1. Fsync is on. */
export async function startPostgres({
  settings = {},
  from,
  standbyOf,
}: PostgresOptions = {}): Promise<PostgresServer> {
  const home = unprivilegedFolder();
  try {
    if (from) await copyData(from.home, home);
    else await succeeded(postgresProgram("initdb", INITDB, home));
    if (standbyOf === undefined) return await PostgresServer.start(home, settings);
    writeFileSync(join(home, "data", "standby.signal"), "");
    return await PostgresServer.start(home, { ...settings, primary_conninfo: standbyOf });
  } catch (error) {
    deleteHome(home);
    throw error;
  }
}

/** The superuser of every server. It needs no password. */
export const USER = "tidemark";
const INITDB = ["--pgdata=data", `--username=${USER}`, "--auth=trust", "--encoding=UTF8", "--no-sync"];

/** The memory is in files of the data folder, so that nothing is left behind by a server that was killed. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  shared_buffers: "16MB",
  dynamic_shared_memory_type: "mmap",
  wal_keep_size: "256MB",
  wal_retrieve_retry_interval: "100ms",
};

/**
 * A real PostgreSQL server, killed and deleted when it is disposed of.
 *
 *     await using server = await startPostgres();
 *     await using app = await startServer({ store: await server.createDatabase() });
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #home: string;
  readonly #settings: Readonly<Record<string, string>>;
  /** Undefined while it does not run. */
  #program: Program | undefined;
  #databases = 0;

  /** @param home the folder with its `data`, which it owns from now on */
  static start(home: string, settings: Readonly<Record<string, string>>): Promise<PostgresServer> {
    return onFreePort(async (port) => {
      const program = await startProgram(home, port, settings);
      return new PostgresServer(home, port, settings, program);
    });
  }

  private constructor(
    home: string,
    port: number,
    settings: Readonly<Record<string, string>>,
    program: Program,
  ) {
    this.#home = home;
    this.port = port;
    this.#settings = settings;
    this.#program = program;
  }

  /** The URL of the database that every server has. */
  get url(): string {
    return this.urlOf("postgres");
  }

  urlOf(database: string): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/${database}`;
  }

  /** Creates an empty database; its URL. */
  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.urlOf(name);
  }

  /** The rows of one statement, on a connection of its own. */
  async query<T extends pg.QueryResultRow>(sql: string, url = this.url): Promise<T[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Changes settings that need no restart; they survive one. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(settings))
      await this.query(`ALTER SYSTEM SET ${name} = '${value}'`);
    await this.query("SELECT pg_reload_conf()");
  }

  /** Makes a standby a primary. */
  async promote(): Promise<void> {
    await this.query("SELECT pg_promote()");
  }

  /** Takes a base backup while it runs, which can be started any number of times. */
  async backup(): Promise<PostgresBackup> {
    const home = unprivilegedFolder();
    const from = `--dbname=postgres://${USER}@127.0.0.1:${this.port}/`;
    await succeeded(
      postgresProgram("pg_basebackup", [from, "--pgdata=data", "--checkpoint=fast", "--no-sync"], home),
    );
    return { home, [Symbol.asyncDispose]: async () => deleteHome(home) };
  }

  /** Replaces its data by that of a backup and starts again at the same port, as an operator would. */
  async restore({ home }: PostgresBackup): Promise<void> {
    await this.kill();
    rmSync(join(this.#home, "data"), { recursive: true });
    await copyData(home, this.#home);
    await this.startAgain();
  }

  /** Kills all its processes at once, as when the machine fails. */
  async kill(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    if (!program) return;
    for (const pid of processesOf(program.pid!)) killProcess(pid, "SIGKILL");
    await program.exited;
  }

  /** Stops it as `pg_ctl stop` does: its connections end, and what was committed is sent to all standbys. */
  async stop(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    program?.signal("SIGINT");
    await program?.exited;
  }

  /** Starts it at the same port after it was stopped or killed. */
  async startAgain(): Promise<void> {
    this.#program = await startProgram(this.#home, this.port, this.#settings);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.startAgain();
  }

  /** Resolves with the process of a session whose commit waits for a synchronous standby. */
  async waitingForStandby(): Promise<number> {
    const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    for (;;) {
      const [session] = await this.query<{ pid: number }>(waiting);
      if (session) return session.pid;
    }
  }

  /** Stops the receiver of a standby, which keeps its connection but takes nothing; returns what continues it. */
  async pauseReceiver(): Promise<() => void> {
    const [receiver] = await this.query<{ pid: number }>("SELECT pid FROM pg_stat_wal_receiver");
    killProcess(receiver!.pid, "SIGSTOP");
    return () => killProcess(receiver!.pid, "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    deleteHome(this.#home);
  }
}

async function startProgram(
  home: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Program> {
  const all = { ...SETTINGS, port: String(port), unix_socket_directories: home, ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const program = postgresProgram("postgres", ["-D", "data", ...args], home);
  await program.errorLine((line) => line.includes("ready to accept"));
  return program;
}

async function copyData(from: string, home: string): Promise<void> {
  await succeeded(unprivileged("cp", ["-a", join(from, "data"), "."], home));
}

/** Deletes the folder of a server that does not run, and the segment of shared memory that a killed one leaves. */
function deleteHome(home: string): void {
  const segment = segmentOf(home);
  if (segment) spawnSync("ipcrm", ["-m", segment]);
  rmSync(home, { recursive: true, force: true });
}

function segmentOf(home: string): string | undefined {
  try {
    return readFileSync(join(home, "data", "postmaster.pid"), "utf8")
      .split("\n")[6]
      ?.trim()
      .split(/ +/)[1];
  } catch {
    return undefined; // it was stopped, or never started
  }
}

/** A server and its children, which are in process groups of their own. */
function processesOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return [pid, ...children.trim().split(" ").map(Number)];
}

function killProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended by itself
  }
}
