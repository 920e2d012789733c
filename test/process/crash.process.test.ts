import { describe, expect, it } from "vitest";
import { liveThroughKills } from "../kit/crash-life.js";
import { temporaryFolder } from "../kit/temporary-folder.js";
import { IS_WHOLE_RUN } from "../kit/whole-run.js";

/** Law 14 at its hardest; `npm run test:crash` does the same for as long as one likes. */

const ROUNDS = IS_WHOLE_RUN ? 50 : 6;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("Law 14: a server that is killed while four write and eight watch", () => {
  it(`loses nothing that was answered, shows nothing that is not kept, goes on in its epoch (${ROUNDS} kills, seed ${SEED})`, async () => {
    const survived = await liveThroughKills({ seed: SEED, rounds: ROUNDS, folder: temporaryFolder() });

    expect(survived.kills).toBe(ROUNDS);
    expect(survived.underWay).toBeGreaterThan(0);
  }, 240_000);
});
