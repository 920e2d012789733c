import { describe, expect, it } from "vitest";
import { runThroughKills } from "../kit/crash/run.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

/** Law 14 under stress; `npm run test:crash` runs longer. */

const ROUNDS = IS_FULL_LENGTH ? 50 : 3;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe("Law 14: a server that is killed with four writers and eight watchers", () => {
  it(`loses no acknowledged change, shows no lost change, and keeps its epoch (${ROUNDS} kills, seed ${SEED})`, async () => {
    const survived = await runThroughKills({ seed: SEED, rounds: ROUNDS, folder: temporaryFolder() });

    expect(survived.kills).toBe(ROUNDS);
    expect(survived.unanswered).toBeGreaterThan(0);
  }, 240_000);
});
