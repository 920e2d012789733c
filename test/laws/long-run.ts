/**
 * Runs the random law tests for a given time, or repeats one seed: over real sockets, and with several servers. Exits with
 * the code of the run.
 *
 *     npm run test:laws -- --minutes 30
 *     npm run test:laws -- --seed 245613254
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string" } },
});
const TESTS = ["test/laws/delivery.model.test.ts", "test/laws/delivery.nodes.test.ts"];
const seed = values.seed === undefined ? {} : { LAWS_SEED: values.seed };
/** A seed does not determine the timing, so it is repeated for a while. */
const seconds = values.seed === undefined ? Number(values.minutes) * 60 : 20;

const { status } = spawnSync("vitest", ["run", ...TESTS], {
  stdio: "inherit",
  env: { ...process.env, LAWS_SECONDS: String(seconds), ...seed },
});
process.exitCode = status ?? 1;
