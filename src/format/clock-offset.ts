/**
 * Estimates how far the server's clock is ahead of the viewer's. A live message arrives shortly after its timestamp, so
 * the largest difference is the closest estimate. An older timestamp is only a lower bound of the server's time.
 */
export class ClockOffset {
  #ms: number | undefined;

  /** @param isLive whether the message was sent at `serverTime`, rather than at any time after it */
  observe(serverTime: number, viewerTime: number, isLive: boolean): void {
    const ms = serverTime - viewerTime;
    if (isLive || ms > 0) this.#ms = Math.max(this.#ms ?? -Infinity, ms);
  }

  serverTime(viewerTime: number): number {
    return viewerTime + (this.#ms ?? 0);
  }
}
