import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MessageReader } from "../../../src/client/transport/node/message-reader.js";
import { Opcode, type WebSocketMessage } from "../../../src/client/transport/node/websocket-message.js";

/** A message in parts, with control frames between them, as bytes and as what a reader must make of it. */
interface Sent {
  readonly bytes: Buffer;
  readonly messages: readonly WebSocketMessage[];
}

it("reads the messages of a server, however they and the network divide them", () => {
  fc.assert(
    fc.property(fc.array(sentArbitrary(), { maxLength: 5 }), fc.array(fc.nat(200)), (sent, sizes) => {
      const bytes = Buffer.concat(sent.map((one) => one.bytes));
      const reader = new MessageReader();

      const read = chunksOf(bytes, sizes).flatMap((chunk) => [...reader.read(chunk)]);
      expect(read.map(digestOf)).toEqual(sent.flatMap(({ messages }) => messages.map(digestOf)));
    }),
  );
});

/** Compared instead of bytes, of which there are many. */
function digestOf({ opcode, payload }: WebSocketMessage): string {
  return `${opcode} ${payload.length} ${createHash("sha1").update(payload).digest("hex")}`;
}

function sentArbitrary(): fc.Arbitrary<Sent> {
  const opcode = fc.constantFrom(Opcode.TEXT, Opcode.BINARY);
  const part = fc.record({
    payload: payloadArbitrary(70_000),
    control: fc.option(
      fc.record({ opcode: fc.constantFrom(Opcode.PING, Opcode.PONG), payload: payloadArbitrary(125) }),
    ),
  });
  return fc.tuple(opcode, fc.array(part, { minLength: 1, maxLength: 4 })).map(([first, parts]) => ({
    bytes: Buffer.concat(
      parts.flatMap(({ payload, control }, index) => [
        ...(control ? [frame(control.opcode, control.payload, true)] : []),
        frame(index === 0 ? first : Opcode.CONTINUATION, payload, index === parts.length - 1),
      ]),
    ),
    messages: [
      ...parts.flatMap(({ control }) => (control ? [control] : [])),
      { opcode: first, payload: Buffer.concat(parts.map(({ payload }) => payload)) },
    ],
  }));
}

/** The lengths at which the format changes are likely. */
function payloadArbitrary(lengthMax: number): fc.Arbitrary<Buffer> {
  const lengths = [0, 1, 125, 126, 65_535, 65_536].filter((length) => length <= lengthMax);
  return fc
    .tuple(fc.oneof(fc.constantFrom(...lengths), fc.nat(lengthMax)), fc.nat(255))
    .map(([length, byte]) => Buffer.alloc(length, byte));
}

function frame(opcode: number, payload: Buffer, isLast: boolean): Buffer {
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode]), lengthOf(payload.length), payload]);
}

function lengthOf(length: number): Buffer {
  if (length < 126) return Buffer.from([length]);
  if (length < 65_536) return Buffer.from([126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(9, 127);
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** Cuts the bytes into chunks of these sizes, and the rest. */
function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  let start = 0;
  const chunks = sizes.map((size) => bytes.subarray(start, (start += size)));
  return [...chunks, bytes.subarray(start)];
}
