/**
 * The server's time, by which the clocks of running jobs go. It stands still while the server is not heard of: what
 * nobody knows of must not look as if it went on.
 */
import { signal } from "@preact/signals";
import { ClockOffset } from "./clock-offset.js";

const offset = new ClockOffset();
const current = signal(Date.now());

/** Milliseconds since 1970; a component that reads it is drawn again when a second has passed. */
export function serverNow(): number {
  return current.value;
}

/** The same without that. */
export function peekServerNow(): number {
  return current.peek();
}

/** Something has changed at this instant of the server's. @param isLive whether it was told at once */
export function observeServerTime(instant: string, isLive: boolean): void {
  offset.observe(Date.parse(instant), Date.now(), isLive);
}

let timer: ReturnType<typeof setInterval> | undefined;

/** Lets it go on, or stand still. */
export function runServerClock(isLive: boolean): void {
  clearInterval(timer);
  timer = isLive ? setInterval(tick, 1_000) : undefined;
  if (isLive) tick();
}

function tick(): void {
  current.value = offset.serverTime(Date.now());
}
