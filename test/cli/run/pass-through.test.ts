import { Readable, Writable } from "node:stream";
import { expect, it } from "vitest";
import { passThrough } from "../../../src/cli/run/pass-through.js";
import { rest, until } from "../../kit/turns.js";

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
  await rest();
  const aheadBytes = readBytes;
  await until(() => {
    takers.shift()?.();
    return readBytes > 10_000_000;
  });

  expect(aheadBytes).toBeLessThan(1_300_000);
  expect(target.writableLength).toBeLessThan(1_300_000);
});
