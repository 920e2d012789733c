import { describe, expect, it } from "vitest";
import { fuzz } from "../kit/fuzz/run.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

/** Law 16 under attack: no single client can stop the server. `npm run test:fuzz` runs longer. */

const { ms, inputs } = IS_FULL_LENGTH ? { ms: 60_000, inputs: 100_000 } : { ms: 4_000, inputs: 4_000 };
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("hostile clients", () => {
  it(`cannot stop the server, see its internals, exhaust its memory or harm other clients (${inputs} inputs, seed ${SEED})`, async () => {
    const report = await fuzz({ seed: SEED, ms, inputs });

    expect(report.findings).toEqual([]);
    expect(report.inputs).toBeGreaterThanOrEqual(inputs);
    expect(report.steps).toBeGreaterThan(20);
  }, 600_000);
});
