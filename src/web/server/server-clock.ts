/** The server's time, which drives the clocks of running jobs. It stops while the page is not connected. */
import { signal } from "@preact/signals";
import { ClockOffset } from "../../format/clock-offset.js";

const offset = new ClockOffset();
const current = signal(Date.now());

/** Milliseconds since 1970; a component that reads it is rendered again every second. */
export function serverNow(): number {
  return current.value;
}

/** The same without the subscription. */
export function peekServerNow(): number {
  return current.peek();
}

/** Records the server's timestamp of a change. @param isLive whether the change was received when it happened */
export function observeServerTime(instant: string, isLive: boolean): void {
  offset.observe(Date.parse(instant), Date.now(), isLive);
}

let timer: ReturnType<typeof setInterval> | undefined;

export function runServerClock(isLive: boolean): void {
  clearInterval(timer);
  timer = isLive ? setInterval(tick, 1_000) : undefined;
  if (isLive) tick();
}

function tick(): void {
  current.value = offset.serverTime(Date.now());
}
