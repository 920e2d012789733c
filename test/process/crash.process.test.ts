import { describe, expect, it } from "vitest";
import { runThroughKills } from "../kit/crash/run.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

/** Law 14 at its hardest; `npm run test:crash` does the same for as long as one likes. */

const ROUNDS = IS_FULL_LENGTH ? 50 : 6;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("Law 14: a server that is killed while four write and eight watch", () => {
  it(`loses nothing that was answered, shows nothing that is not kept, goes on in its epoch (${ROUNDS} kills, seed ${SEED})`, async () => {
    const survived = await runThroughKills({ seed: SEED, rounds: ROUNDS, folder: temporaryFolder() });

    expect(survived.kills).toBe(ROUNDS);
    expect(survived.underWay).toBeGreaterThan(0);
  }, 240_000);
});
