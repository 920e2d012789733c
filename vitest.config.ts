import { defineConfig } from "vitest/config";

/** Every test file runs in a process of its own, so none shares a port, a file or a clock with another. */
export default defineConfig({
  // graphql has no exports map: without this, sources get index.mjs and packages index.js, which are two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    env: { NODE_ENV: "production" },
  },
});
