/** Calls back once, before the page is drawn next, however often it is asked to; not while nobody sees the page. */
export class FrameTask {
  readonly #callback: () => void;
  #frame: number | undefined;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  schedule(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#callback();
    });
  }

  cancel(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }
}
