import { describe, expect, it } from "vitest";
import { attackAsReporter } from "../kit/fuzz/hostile-reporter.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";

/** The product of all limits does not fit into any heap. `npm run test:fuzz -- --reporter --minutes 10` runs longer. */

const MS = IS_FULL_LENGTH ? 60_000 : 4_000;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("one hostile reporter, with all limits at their defaults", () => {
  it(`fills the memory, but neither ends nor stalls the server (${MS / 1_000} s, seed ${SEED})`, async () => {
    const report = await attackAsReporter({
      seed: SEED,
      ms: MS,
      rejections: 20,
      heapMb: 256,
      folder: temporaryFolder(),
    });

    expect(report.answers["LIMIT_EXCEEDED memoryMax"]).toBeGreaterThanOrEqual(20);
    expect(report.answers["accepted"]).toBeGreaterThan(20);
    expect(report.answers["INTERNAL"]).toBeUndefined();
    expect(report.steps).toBeGreaterThan(20);
  }, 600_000);
});
