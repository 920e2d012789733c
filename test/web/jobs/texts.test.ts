import { describe, expect, it } from "vitest";
import { doneTitle, etaText, etaTitle, treeRateText, volumeText } from "../../../src/web/jobs/texts.js";
import { aJob, aTask, NOW, progressOf, secondsAgo } from "../../kit/watched-jobs.js";

const ETA = { earliest: secondsAgo(-130), likely: secondsAgo(-180), latest: secondsAgo(-250) };

describe("What a list says of a job", () => {
  it.each([
    [progressOf(3, 1_500), "1,500"],
    [progressOf(3, null, 1_200), "1,200+"],
    [progressOf(3, null, 3), "?"],
  ])("of a volume: %o is %s", (progress, text) => {
    expect(volumeText(progress)).toBe(text);
  });

  it("counts the known parts of a volume that is unknown", () => {
    expect(doneTitle(progressOf(3, null, 1_200))).toBe(
      "3 of a volume that is not known yet, of which 1,200 is",
    );
  });

  it("gives the time left as the range that the server gave, and says when that is over", () => {
    const job = aJob({ eta: ETA });

    expect([etaText(job, NOW), etaText(job, NOW + 200_000), etaText(job, NOW + 250_000)]).toEqual([
      "2–5 min",
      "< 50s",
      "overdue",
    ]);
    expect(etaTitle(job)).toContain("hardly before");
  });

  it("promises nothing of a job that is lost", () => {
    const job = aJob({ eta: null, health: "LOST", task: aTask({ rate: 5 }) });

    expect([etaText(job, NOW), treeRateText(job)]).toEqual(["–", "–"]);
  });
});
