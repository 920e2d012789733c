import type { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import * as ws from "ws";
import { frameOf, SharedFrames } from "../../../src/server/websocket/shared-frames.js";
import { utf8AsLatin1 } from "../../../src/util/latin1.js";

describe("The frame of a message", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])("can be read by ws at %i bytes", (length) => {
    const message = "x".repeat(length);
    expect(read(frameOf(message))).toEqual([message]);
  });

  it("has a 64-bit length if necessary", () => {
    expect(Buffer.from(frameOf("x".repeat(65_536)).slice(0, 10), "latin1")).toEqual(
      Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    );
  });
});

describe("Shared frames", () => {
  const START = utf8AsLatin1("é:");
  const ENDS = ["a", "日本".repeat(30), "c".repeat(66_000), ""].map(utf8AsLatin1);
  const frames = new SharedFrames(START.length, ENDS);

  it.each([0, 1, 2, 3, 4])("encode the first %i messages", (count) => {
    const messages = ["é:a", `é:${"日本".repeat(30)}`, `é:${"c".repeat(66_000)}`, "é:"];
    expect(read(frames.text(START, count))).toEqual(messages.slice(0, count));
    expect(frames.bytes(count)).toBe(frames.text(START, count).length);
  });

  it("are counted by the room of a socket", () => {
    const [, one, two, three, four] = [0, 1, 2, 3, 4].map((count) => frames.bytes(count));
    expect([-1, 0, one! - 1].map((room) => frames.countWithin(room))).toEqual([0, 1, 1]);
    expect([one!, two! - 1, two!].map((room) => frames.countWithin(room))).toEqual([2, 2, 3]);
    expect([three!, four!, Infinity].map((room) => frames.countWithin(room))).toEqual([4, 4, 4]);
  });
});

/** The frame parser of ws, which its types omit. */
const { Receiver } = ws as unknown as { Receiver: new () => Writable };

/** The messages that ws reads from the frames. */
function read(frames: string): string[] {
  const receiver = new Receiver();
  const messages: string[] = [];
  receiver.on("message", (data: Buffer) => messages.push(String(data)));
  receiver.write(Buffer.from(frames, "latin1"));
  return messages;
}
