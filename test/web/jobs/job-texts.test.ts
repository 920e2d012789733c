import { describe, expect, it } from "vitest";
import { etaText, etaTitle, treeRateText } from "../../../src/web/jobs/job-texts.js";
import {
  createWatchedJob,
  createWatchedTask,
  WATCHED_NOW,
  secondsAgo,
} from "../../kit/delivery/watched-jobs.js";

const ETA = { earliest: secondsAgo(-130), likely: secondsAgo(-180), latest: secondsAgo(-250) };

describe("Texts about a job", () => {
  it("show the time left as a range, then as overdue", () => {
    const job = createWatchedJob({ eta: ETA });

    expect([
      etaText(job, WATCHED_NOW),
      etaText(job, WATCHED_NOW + 200_000),
      etaText(job, WATCHED_NOW + 250_000),
    ]).toEqual(["2–5m", "<50s", "overdue"]);
    expect(etaTitle(job)).toContain("Expected end");
  });

  it("show neither the rate nor the time left of a lost job", () => {
    const job = createWatchedJob({ eta: null, health: "LOST", task: createWatchedTask({ rate: 5 }) });

    expect([etaText(job, WATCHED_NOW), treeRateText(job)]).toEqual(["–", "–"]);
  });
});
