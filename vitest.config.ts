import { defineConfig } from "vitest/config";

/**
 * Three processes, as tests often wait for another one, each of which runs one test file after the other: modules are loaded once, and nothing of one file is
 * left to the next, as nothing in `src/` and `test/kit/` is kept between tests but what is the same for all.
 */
export default defineConfig({
  // graphql has no exports map: without this, sources get index.mjs and packages index.js, which are two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    pool: "forks",
    isolate: false,
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    env: { NODE_ENV: "production" },
  },
});
