import { defineConfig } from "vitest/config";

/**
 * Three processes, as tests often wait for other processes. Each runs its test files in turn and without isolation, which
 * loads modules only once. This is safe as modules in `src/` and `test/kit/` keep no state that differs between tests.
 */
export default defineConfig({
  // graphql has no exports map: without this, sources load index.mjs and packages index.js, which are two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    pool: "forks",
    isolate: false,
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // The SDK says so for each job that a test leaves open when it stops its server.
    onConsoleLog: (log) => !log.startsWith("tidemark: No Tidemark server answers at "),
    env: { NODE_ENV: "production" },
  },
});
