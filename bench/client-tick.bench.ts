import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bench, do_not_optimize, run, summary } from "mitata";
import { connect, leaf, task } from "../src/client/index.js";

/**
 * What a tick costs a worker: `task.advance()` in its hot loop, beside the loop without it and beside a bare counter, and
 * a loop that is tracked. The server answers nothing, so the job is reported all the while, as one whose server hangs.
 *
 * Run with `npx tsx bench/client-tick.bench.ts`. The least and the mean a round, nanoseconds (Node 20.20, AMD EPYC, two
 * cores shared with much other work):
 *
 *     nothing             1.4      3
 *     a bare counter      1.8      4
 *     task.advance()      2.7      7
 *     task.set(n)         3.0      8
 *     a loop              2.2      5
 *     a tracked loop       61    136
 *
 * So a tick costs 1 to 4 ns. Of a tracked loop most is the generator, and the job that is made for each.
 */

const ROUNDS = 10_000;

const server = createServer(() => {})
  .listen(0, "127.0.0.1")
  .unref();
await new Promise((resolve) => server.once("listening", resolve));
const { port } = server.address() as AddressInfo; // it listens on a port
const tidemark = connect({ url: `http://127.0.0.1:${port}`, intervalMs: 1 });
const root = tidemark.job({}, task("bench", leaf("advance"), leaf("set"))).task;
const [advanced, set] = [root.sub("advance"), root.sub("set")];
const counter = { count: 0 };

/** Each is of 10,000 rounds: divide by it. */
summary(() => {
  bench("10,000 rounds of nothing", () => {
    for (let round = 0; round < ROUNDS; round++) do_not_optimize(round);
  });
  bench("10,000 of a bare counter", () => {
    for (let round = 0; round < ROUNDS; round++) {
      do_not_optimize(round);
      counter.count += 1;
    }
  });
  bench("10,000 of task.advance()", () => {
    for (let round = 0; round < ROUNDS; round++) {
      do_not_optimize(round);
      advanced.advance();
    }
  });
  bench("10,000 of task.set(n)", () => {
    for (let round = 0; round < ROUNDS; round++) {
      do_not_optimize(round);
      set.set(round);
    }
  });
});

const items = Array.from({ length: ROUNDS }, (_, index) => index);
summary(() => {
  bench("a loop over 10,000 items", () => {
    for (const item of items) do_not_optimize(item);
  });
  bench("the same, tracked", () => {
    const { task: tracked } = tidemark.job({}, leaf("tracked"));
    for (const item of tracked.track(items)) do_not_optimize(item);
  });
});

await run();
process.exit();
