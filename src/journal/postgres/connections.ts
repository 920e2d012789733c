import { Socket } from "node:net";
import pg from "pg";
import { Semaphore } from "../../util/keyed-mutex.js";
import { errorCodeOf } from "../../util/assert.js";
import { EngineError, JournalError } from "../journal.js";

/** Each purpose has connections of its own, so that appends never wait for loads, and the poll waits for nothing. */
type Purpose = "work" | "load" | "poll";

export interface ConnectionOptions {
  /** Of all purposes together: at least 3. */
  readonly connectionsMax: number;
  /** How long a write waits for its answer. */
  readonly writeDeadlineMs?: number | undefined;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the statement says which columns there are
export type Row = Readonly<Record<string, any>>;

/** A statement with its parameters. It has no name on the server, which PgBouncer could not follow. */
export interface Statement {
  readonly sql: string;
  readonly values?: readonly unknown[];
}

/** Runs the next statement of a transaction. */
export type RunStatement = (statement: Statement) => Promise<readonly Row[]>;

/**
 * The connections to PostgreSQL. Every statement has a deadline: when a network vanishes, `pg` would wait for ever. After it
 * the connection is destroyed.
 */
export class Connections {
  readonly #url: string;
  readonly #options: ConnectionOptions;
  #pools: Pools;
  readonly #sockets = new Set<Socket>();
  readonly #loads: Semaphore;
  #isClosed = false;
  /** Since when every poll was answered, in monotonic time; Infinity if the latest failed. */
  #pollsAnsweredSince = Infinity;

  constructor(url: string, options: ConnectionOptions) {
    this.#url = url;
    this.#options = options;
    this.#pools = this.#openPools();
    this.#loads = new Semaphore(this.#loadsMax);
  }

  /** Runs a statement of which nothing is lost if it is not finished. @throws JournalError */
  read(statement: Statement): Promise<readonly Row[]> {
    return this.#runOne("work", statement, { ms: DEADLINE_MS });
  }

  /** Runs a statement on the connection that is reserved for the poll. @throws JournalError */
  async poll(statement: Statement): Promise<readonly Row[]> {
    try {
      const rows = await this.#runOne("poll", statement, { ms: POLL_DEADLINE_MS });
      this.#pollsAnsweredSince = Math.min(this.#pollsAnsweredSince, performance.now());
      return rows;
    } catch (error) {
      this.#pollsAnsweredSince = Infinity;
      throw error;
    }
  }

  /**
   * Runs a statement that writes, and may wait for a standby. While polls are answered the network is well, so it waits on:
   * PostgreSQL does not end a statement whose connection is lost.
   * @throws JournalError, which says whether it was written
   */
  write(statement: Statement): Promise<readonly Row[]> {
    const sentAt = performance.now();
    return this.#runOne("work", statement, {
      ms: this.#options.writeDeadlineMs ?? WRITE_DEADLINE_MS,
      isExtended: () =>
        this.#pollsAnsweredSince <= sentAt && performance.now() - sentAt < WRITE_EXTENDED_DEADLINE_MS,
    });
  }

  /** Reads one state of the server with several statements. @throws JournalError */
  readTransaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.#transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", { ms: DEADLINE_MS }, work);
  }

  /** Writes with several statements, of which all are done or none. @throws JournalError, which says whether it was written */
  writeTransaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.#transaction("BEGIN", { ms: WRITE_DEADLINE_MS }, work);
  }

  #transaction<T>(begin: string, deadline: Deadline, work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.#loads.runExclusive(() =>
      this.#lend("load", async (client) => {
        const run: RunStatement = (statement) => runStatement(client, statement, deadline);
        try {
          await run({ sql: begin });
          const result = await work(run);
          await run({ sql: "COMMIT" });
          return result;
        } catch (error) {
          destroy(client);
          throw error;
        }
      }),
    );
  }

  /** Lends a connection for what `prepareSchema` does. @throws JournalError, Error */
  prepare(work: (client: pg.ClientBase) => Promise<void>): Promise<void> {
    return this.#lend("work", work);
  }

  /** Opens new connections from now on: the address may lead to another server than before. */
  renew(): void {
    if (this.#isClosed) return;
    const before = this.#pools;
    this.#pools = this.#openPools();
    void endPools(before);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await endPools(this.#pools);
    for (const socket of this.#sockets) socket.destroy(); // `pg` leaves one open if the login fails
  }

  #runOne(purpose: Purpose, statement: Statement, deadline: Deadline): Promise<readonly Row[]> {
    return this.#lend(purpose, (client) => runStatement(client, statement, deadline));
  }

  async #lend<T>(purpose: Purpose, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect(purpose);
    try {
      return await work(client);
    } catch (error) {
      if (isFromStandby(error)) this.renew();
      throw error;
    } finally {
      client.release(isDestroyed(client));
    }
  }

  async #connect(purpose: Purpose): Promise<pg.PoolClient> {
    try {
      return await this.#pools[purpose].connect();
    } catch (cause) {
      const message = `No connection to PostgreSQL: ${messageOf(cause)}`;
      throw new EngineError("there is no connection to the database server", message, "nothing written", {
        cause,
      });
    }
  }

  #openPools(): Pools {
    const { connectionsMax } = this.#options;
    return {
      poll: this.#openPool(1),
      load: this.#openPool(this.#loadsMax),
      work: this.#openPool(connectionsMax - 1 - this.#loadsMax),
    };
  }

  get #loadsMax(): number {
    return Math.floor((this.#options.connectionsMax - 1) / 3) || 1;
  }

  /** Uses no option that PgBouncer refuses, such as a statement timeout. */
  #openPool(max: number): pg.Pool {
    const pool = new pg.Pool({
      connectionString: this.#url,
      max,
      stream: () => this.#openSocket(),
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      connectionTimeoutMillis: CONNECT_DEADLINE_MS,
      allowExitOnIdle: true,
      types: { getTypeParser },
    });
    pool.on("error", ignore); // an idle connection was lost: the pool opens another one
    pool.on("connect", (client) => client.on("error", ignore)); // its statement fails
    return pool;
  }

  #openSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    return socket.once("close", () => this.#sockets.delete(socket));
  }
}

type Pools = Readonly<Record<Purpose, pg.Pool>>;

const CONNECT_DEADLINE_MS = 5_000;
const POLL_DEADLINE_MS = 2_000;
const DEADLINE_MS = 10_000;
/** Of what may wait for a lock, which another append holds until the standby answers, and then for the standby. */
const WRITE_DEADLINE_MS = 15_000;
const WRITE_EXTENDED_DEADLINE_MS = 120_000;
const EXTENSION_MS = 500;
const KEEP_ALIVE_MS = 10_000;

interface Deadline {
  readonly ms: number;
  /** Asked when it has passed: whether to wait on for a moment. Default: no. */
  readonly isExtended?: () => boolean;
}

/** Returns a function that lifts the deadline. */
function destroyAfter({ ms, isExtended }: Deadline, client: pg.ClientBase): () => void {
  const onTime = (): void => {
    if (isExtended?.()) timer = setTimeout(onTime, EXTENSION_MS);
    else destroy(client);
  };
  let timer = setTimeout(onTime, ms);
  return () => clearTimeout(timer);
}

/** @throws JournalError */
async function runStatement(
  client: pg.ClientBase,
  { sql, values = [] }: Statement,
  deadline: Deadline,
): Promise<readonly Row[]> {
  let isInDoubt = false;
  const onNotice = ({ code = "" }: { code?: string | undefined }): void => {
    isInDoubt ||= GAVE_UP.has(code);
  };
  client.on("notice", onNotice);
  const stopWatching = destroyAfter(deadline, client);
  try {
    const { rows } = await client.query<Row>(sql, [...values]);
    if (isInDoubt)
      throw new EngineError(GAVE_UP_WAITING, "PostgreSQL gave up waiting for a standby.", "unknown");
    return rows;
  } catch (cause) {
    if (cause instanceof JournalError) throw cause;
    if (isRolledBack(cause))
      throw new EngineError(reasonOf(cause), messageOf(cause), "nothing written", { cause });
    destroy(client);
    const message = `The connection to PostgreSQL failed: ${messageOf(cause)}`;
    throw new EngineError("the connection to the database server failed", message, "unknown", { cause });
  } finally {
    stopWatching();
    client.off("notice", onNotice);
  }
}

const GAVE_UP_WAITING = "the database server gave up waiting for a standby";

/** The codes of PostgreSQL that an operator can do something about. */
const REASONS: Readonly<Record<string, string>> = {
  "25006": "the database server is a standby",
  "53100": "the disk of the database server is full",
  "53200": "the database server has no memory left",
  "53300": "the database server has too many connections",
  "42501": "the database server denies the permission",
};

function reasonOf({ code = "" }: pg.DatabaseError): string {
  return REASONS[code] ?? `the database server reports ${code}`;
}

/**
 * The codes of the warning that a wait for a standby was given up: the write is committed here, and may be lost. Its text may
 * be translated.
 */
const GAVE_UP = new Set(["01000", "57P01"]);

/**
 * Whether the server answered with an error, which it does only before a commit. The end of a connection (class 08; 57P:
 * the server stops) says nothing about it.
 */
function isRolledBack(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError)) return false;
  const { code = "", severity = "" } = error;
  return !/^(08|57P)/.test(code) && !/^(FATAL|PANIC)$/.test(severity);
}

/** The primary has changed, or the address does not lead to it. */
function isFromStandby(error: unknown): boolean {
  return (
    error instanceof JournalError && error.cause instanceof pg.DatabaseError && error.cause.code === "25006"
  );
}

/** An int8 arrives as text. Revisions and counts are safe integers. */
function getTypeParser(oid: number, format?: "text" | "binary"): (value: string) => unknown {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format);
}

/** Waits for no answer: the network may have vanished. */
function destroy(client: pg.ClientBase): void {
  socketOf(client).destroy();
}

function isDestroyed(client: pg.ClientBase): boolean {
  return socketOf(client).destroyed;
}

function socketOf(client: pg.ClientBase): { readonly destroyed: boolean; destroy(): void } {
  return (client as unknown as { connection: { stream: ReturnType<typeof socketOf> } }).connection.stream;
}

async function endPools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.end().catch(ignore)));
}

function ignore(): void {}

/** The error of a name with several addresses has no message. */
function messageOf(error: unknown): string {
  return (error instanceof Error && error.message) || String(errorCodeOf(error) ?? error);
}
