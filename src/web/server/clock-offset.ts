/**
 * How far the server's clock is ahead of the viewer's. What is heard of at once was a moment before, so of all that is
 * heard the largest difference is the closest. What is told later says only that the server's clock is not behind it.
 */
export class ClockOffset {
  #ms: number | undefined;

  /** @param isLive whether it was told as it happened; otherwise it may be of any time before */
  observe(serverTime: number, viewerTime: number, isLive: boolean): void {
    const ms = serverTime - viewerTime;
    if (isLive || ms > 0) this.#ms = Math.max(this.#ms ?? -Infinity, ms);
  }

  /** The server's time, when the viewer's is this. */
  serverTime(viewerTime: number): number {
    return viewerTime + (this.#ms ?? 0);
  }
}
