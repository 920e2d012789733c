import { defineConfig } from "vitest/config";

/** Every test file runs in a process of its own, so none shares a port, a file or a clock with another. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    env: { NODE_ENV: "production" },
  },
});
