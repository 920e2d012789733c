import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPort } from "../network/severable-proxy.js";
import { onFreePort } from "../process/free-port.js";
import { unprivileged, unprivilegedFolder } from "./installation.js";
import { USER } from "./postgres-server.js";

export interface PgBouncer extends AsyncDisposable {
  /** The URL of a database of the server, through PgBouncer. */
  urlOf(databaseUrl: string): string;
}

/**
 * Starts PgBouncer in front of a server. In transaction mode each transaction of a client may run on another connection.
 *
 * @param url of any database of the server
 */
export async function startPgBouncer(url: string): Promise<PgBouncer> {
  const home = unprivilegedFolder();
  writeFileSync(join(home, "users.txt"), `"${USER}" ""\n`);
  const removeHome = (): void => rmSync(home, { recursive: true });
  try {
    return await onFreePort(async (port) => {
      writeFileSync(join(home, "pgbouncer.ini"), configurationOf(new URL(url).port, port));
      const program = unprivileged("/usr/sbin/pgbouncer", ["pgbouncer.ini"], home);
      await program.errorLine((line) => line.includes("process up"));
      return {
        urlOf: (databaseUrl) => withPort(databaseUrl, port),
        [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]().then(removeHome),
      };
    });
  } catch (error) {
    removeHome();
    throw error;
  }
}

/** Two connections to the server for each database, so that clients share them. */
function configurationOf(serverPort: string, port: number): string {
  return `
[databases]
* = host=127.0.0.1 port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = users.txt
pool_mode = transaction
default_pool_size = 2
`;
}
