import { setTimeout } from "node:timers/promises";

/** A connection with answers that its client has not read yet. */
export interface UnreadAnswers {
  /** 0 once all of them are sent. */
  readonly pendingBytes: number;
}

/**
 * The large answers that wait in the server until their clients read them. Each answer is bounded, but not their
 * number: many clients that do not read, or that request large answers at once, would exhaust the memory. So a query
 * that lists many items waits while the backlog is full, and is rejected if it stays full. All other operations go on.
 */
export class AnswerBacklog {
  readonly #bytesMax: number;
  readonly #unread = new Set<UnreadAnswers>();

  /** @param bytesMax the limit `waitingAnswerBytesMax` */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts answers until they are sent. Transports add those of `LARGE_ANSWER_BYTES` or more. */
  add(answers: UnreadAnswers): void {
    this.#unread.add(answers);
  }

  get isFull(): boolean {
    let bytes = 0;
    for (const answers of this.#unread) {
      const { pendingBytes } = answers;
      if (pendingBytes === 0) this.#unread.delete(answers);
      bytes += pendingBytes;
    }
    return bytes > this.#bytesMax;
  }

  /** Resolves when it is not full any more, or after some seconds. */
  async untilDrained(): Promise<void> {
    for (let waitedMs = 0; waitedMs < WAIT_MS_MAX && this.isFull; waitedMs += POLL_MS)
      await setTimeout(POLL_MS);
  }
}

/** Smaller answers fit into the buffers of a socket. */
export const LARGE_ANSWER_BYTES = 64 * 1_024;

/** A client that reads takes an answer in less. */
const WAIT_MS_MAX = 5_000;

const POLL_MS = 20;
