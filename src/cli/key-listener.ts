import type { ReadStream } from "node:tty";

/**
 * The keys that are pressed while a screen is drawn. They are not echoed, which would write into it; Ctrl+C, q and
 * Ctrl+Z do what they do everywhere, and any other key draws the screen anew.
 */
export class KeyListener {
  readonly #input: ReadStream;
  readonly #onKey: () => void;
  #isOpen = false;

  /** Opened at once. */
  constructor(input: ReadStream, onKey: () => void) {
    this.#input = input;
    this.#onKey = onKey;
    this.open();
  }

  /** Nothing where the input is no terminal. */
  open(): void {
    if (this.#isOpen || !this.#input.isTTY) return;
    this.#isOpen = true;
    this.#input.setRawMode(true);
    this.#input.on("data", this.#onData).resume();
  }

  /** Gives the terminal's input back. Twice is harmless. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#input.off("data", this.#onData).pause();
    this.#input.setRawMode(false);
  }

  readonly #onData = (keys: Buffer): void => {
    for (const key of keys.toString("latin1")) {
      const signal = SIGNALS[key];
      if (signal) process.kill(process.pid, signal);
      else this.#onKey();
    }
  };
}

const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  "\u0003": "SIGINT",
  q: "SIGINT",
  "\u001a": "SIGTSTP",
};
