/** Coalesces calls of `schedule` into one callback before the next frame; none while the page is hidden. */
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
