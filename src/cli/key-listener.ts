import type { ReadStream } from "node:tty";

/**
 * Reads keys without echoing them onto the screen. Ctrl+C and `q` interrupt, Ctrl+Z suspends, and any other key calls
 * back.
 */
export class KeyListener {
  readonly #input: ReadStream;
  readonly #onKey: () => void;
  #isOpen = false;

  constructor(input: ReadStream, onKey: () => void) {
    this.#input = input;
    this.#onKey = onKey;
    this.open();
  }

  /** Does nothing if the input is not a terminal. */
  open(): void {
    if (this.#isOpen || !this.#input.isTTY) return;
    this.#isOpen = true;
    this.#input.setRawMode(true);
    this.#input.on("data", this.#onData).resume();
  }

  /** Restores the terminal's input. Safe to call twice. */
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
