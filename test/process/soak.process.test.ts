import { describe, expect, it } from "vitest";
import { mountDisk, CAN_MOUNT } from "../kit/disk-faults/server.js";
import { CAN_FAKE_TIME } from "../kit/process/fake-time.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { FAULTS } from "../kit/soak/faults.js";
import { soak } from "../kit/soak/run.js";

/** All laws and bounds under faults of all kinds, each at least once; `npm run test:soak` runs longer. */

const CAN_SOAK = CAN_MOUNT && CAN_FAKE_TIME;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("a server under faults of its machine, its operator and other clients", () => {
  it.skipIf(!CAN_SOAK)(
    `keeps every law and returns within its bounds (seed ${SEED}; under CI, needs root and faketime)`,
    async () => {
      const folder = temporaryFolder();
      mountDisk(folder, 400_000_000);

      const report = await soak({ seed: SEED, ms: 1, folder, isDiskSmall: true });

      expect(report.findings).toEqual([]);
      expect(Object.keys(report.faults).toSorted()).toEqual(FAULTS.map(({ name }) => name).toSorted());
      expect(report.changes).toBeGreaterThan(0);
    },
    300_000,
  );
});
