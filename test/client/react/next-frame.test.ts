import { expect, it } from "vitest";
import { cancelInNextFrame, runInNextFrame } from "../../../src/client/react/next-frame.js";

it("what is requested several times for a frame runs once in it, and what is withdrawn does not run", async () => {
  const ran: string[] = [];
  const first = (): unknown => ran.push("first");
  const withdrawn = (): unknown => ran.push("withdrawn");

  for (const request of [first, withdrawn, first]) runInNextFrame(request);
  cancelInNextFrame(withdrawn);
  await new Promise<void>((resolve) => {
    runInNextFrame(() => {
      ran.push("last");
      resolve();
    });
  });

  expect(ran).toEqual(["first", "last"]);
});

it("what is requested during a frame runs in the next one", async () => {
  const frames: number[] = [];
  let frame = 1;
  await new Promise<void>((resolve) => {
    runInNextFrame(() => {
      frames.push(frame);
      runInNextFrame(() => {
        frames.push(frame);
        resolve();
      });
    });
    runInNextFrame(() => (frame = 2));
  });

  expect(frames).toEqual([1, 2]);
});
