import { PassThrough, Readable, Writable } from "node:stream";
import { expect, it } from "vitest";
import { passThrough } from "../../../src/cli/run/pass-through.js";
import { untilIdle, until } from "../../kit/deterministic/turns.js";

it("An output is read at most a megabyte ahead of its reader", async () => {
  const pendingWrites: (() => void)[] = [];
  const target = new Writable({ write: (_bytes, _encoding, done) => void pendingWrites.push(done) });
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
    pendingWrites.shift()?.();
    return readBytes > 10_000_000;
  });

  expect(aheadBytes).toBeLessThan(1_300_000);
  expect(target.writableLength).toBeLessThan(1_300_000);
});

it("An output ends only after a slow reader has read all of it", async () => {
  const pendingWrites: (() => void)[] = [];
  let writtenBytes = 0;
  const target = new Writable({
    write(bytes: Buffer, _encoding, done) {
      pendingWrites.push(() => {
        writtenBytes += bytes.length;
        done();
      });
    },
  });
  let hasEnded = false;
  const source = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(65_536)));
  const finish = passThrough(source, target, () => {});
  await untilIdle();
  const ending = finish().then(() => (hasEnded = true));
  await passThrough(new Readable({ read() {} }), new PassThrough(), () => {})(); // outlasts the quiet time
  await until(() => {
    pendingWrites.shift()?.();
    return hasEnded;
  });
  await ending;

  expect(writtenBytes).toBe(50 * 65_536);
});
