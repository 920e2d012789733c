import { afterAll, beforeAll } from "vitest";
import { startPostgres, type PostgresOptions, type PostgresServer } from "./postgres-server.js";

/**
 * One PostgreSQL server for all tests of a file or a `describe`. Each test creates a database of its own.
 *
 *     const postgres = sharedPostgres();
 *
 *     it("…", async () => {
 *       await using app = await startServer({ store: await postgres.server.createDatabase() });
 *     });
 */
export function sharedPostgres(options: PostgresOptions = {}): { readonly server: PostgresServer } {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await startPostgres(options);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  return {
    get server() {
      return server!; // tests run after beforeAll
    },
  };
}
