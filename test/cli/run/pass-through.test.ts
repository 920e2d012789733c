import { PassThrough, Readable, Writable } from "node:stream";
import { expect, it } from "vitest";
import { passThrough } from "../../../src/cli/run/pass-through.js";
import { untilIdle, until } from "../../kit/deterministic/turns.js";

it("Of an output no more is read than a megabyte ahead of whoever takes it", async () => {
  const takers: (() => void)[] = [];
  const target = new Writable({ write: (_bytes, _encoding, taken) => void takers.push(taken) });
  let readBytes = 0;
  const source = new Readable({
    read() {
      readBytes += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  passThrough(source, target, () => {});
  await untilIdle();
  const aheadBytes = readBytes;
  await until(() => {
    takers.shift()?.();
    return readBytes > 10_000_000;
  });

  expect(aheadBytes).toBeLessThan(1_300_000);
  expect(target.writableLength).toBeLessThan(1_300_000);
});

it("An output has ended once all of it was taken, however late", async () => {
  const takers: (() => void)[] = [];
  let takenBytes = 0;
  const target = new Writable({
    write(bytes: Buffer, _encoding, taken) {
      takers.push(() => {
        takenBytes += bytes.length;
        taken();
      });
    },
  });
  let hasEnded = false;
  const source = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(65_536)));
  const finish = passThrough(source, target, () => {});
  await untilIdle();
  const ending = finish().then(() => (hasEnded = true));
  await passThrough(new Readable({ read() {} }), new PassThrough(), () => {})(); // so long a pipe may be quiet
  await until(() => {
    takers.shift()?.();
    return hasEnded;
  });
  await ending;

  expect(takenBytes).toBe(50 * 65_536);
});
