import { describe, expect, it } from "vitest";
import { etaText, etaTitle, treeRateText } from "../../../src/web/jobs/texts.js";
import { aJob, aTask, NOW, secondsAgo } from "../../kit/watched-jobs.js";

const ETA = { earliest: secondsAgo(-130), likely: secondsAgo(-180), latest: secondsAgo(-250) };

describe("Texts about a job", () => {
  it("show the time left as a range, then overdue", () => {
    const job = aJob({ eta: ETA });

    expect([etaText(job, NOW), etaText(job, NOW + 200_000), etaText(job, NOW + 250_000)]).toEqual([
      "2–5m",
      "<50s",
      "overdue",
    ]);
    expect(etaTitle(job)).toContain("hardly before");
  });

  it("show neither rate nor time left of a lost job", () => {
    const job = aJob({ eta: null, health: "LOST", task: aTask({ rate: 5 }) });

    expect([etaText(job, NOW), treeRateText(job)]).toEqual(["–", "–"]);
  });
});
