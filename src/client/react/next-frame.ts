/**
 * Coalesces changes, so that components render at most once per frame, and all of them in the same one. A hidden page has
 * no frames, and still renders a few times a second, for example its title.
 */
const pending = new Set<() => void>();
let cancelFrame: (() => void) | undefined;

/** Calls back before the next frame, once however often it is requested until then. */
export function runInNextFrame(callback: () => void): void {
  pending.add(callback);
  cancelFrame ??= requestFrame(runPending);
}

/** Withdraws the request. Has no effect without one. */
export function cancelInNextFrame(callback: () => void): void {
  pending.delete(callback);
}

function runPending(): void {
  cancelFrame?.();
  cancelFrame = undefined;
  const callbacks = [...pending];
  pending.clear();
  for (const callback of callbacks) callback();
}

function requestFrame(callback: () => void): () => void {
  const { requestAnimationFrame, cancelAnimationFrame } = globalThis as Partial<Frames>;
  if (!requestAnimationFrame || !cancelAnimationFrame) {
    const timer = setTimeout(callback, FRAME_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(callback);
  const timer = setTimeout(callback, HIDDEN_MS);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}

/** The part of a page that is needed; absent in tests without a browser. */
interface Frames {
  requestAnimationFrame(callback: () => void): number;
  cancelAnimationFrame(frame: number): void;
}

const FRAME_MS = 16;
const HIDDEN_MS = 250;
