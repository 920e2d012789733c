import { randomBytes } from "node:crypto";
import type { WebSocketMessage } from "./websocket-message.js";

/** The frame of a client's message. Clients mask what they send (RFC 6455, 5.3). */
export function maskedFrame({ opcode, payload }: WebSocketMessage): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ mask[index & 3]!);
  return Buffer.concat([Buffer.from([0x80 | opcode]), maskedLength(payload.length), mask, masked]);
}

function maskedLength(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const isShort = length < 65_536;
  const bytes = Buffer.alloc(isShort ? 3 : 9, 0x80 | (isShort ? 126 : 127));
  if (isShort) bytes.writeUInt16BE(length, 1);
  else bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}
