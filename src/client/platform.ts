/**
 * What the client takes from where it runs, be it Node.js or a browser: time, settings, chance, and how to keep a
 * process alive or let it go. Nothing else in the client knows where it is.
 */

/** The source of time; a test moves one by hand. */
export interface ClientClock {
  /** Milliseconds since any moment; never goes back. */
  now(): number;
  /** Calls back once, after `delayMs`, if not cancelled. A worker's keeps no process alive, a watcher's does. */
  schedule(delayMs: number, callback: () => void): ClientTimer;
}

/** A call that is to come. */
export interface ClientTimer {
  /** Cancelling twice, or after the call, is harmless. */
  cancel(): void;
}

/** The machine's time. */
export const platformClock: ClientClock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer: Partial<NodeJS.Timeout> = setTimeout(callback, delayMs);
    timer.unref?.(); // in a browser there is no process to keep alive
    return { cancel: () => clearTimeout(timer as NodeJS.Timeout) };
  },
};

/** Keeps the process alive until it is cancelled, for `limitMs` at most; then calls back. */
export function keepAlive(limitMs: number, onExpired: () => void): ClientTimer {
  const timer = setTimeout(onExpired, limitMs);
  return { cancel: () => clearTimeout(timer) };
}

/** A variable of the environment; undefined where there is none, or it is empty. */
export function environmentVariable(name: string): string | undefined {
  return nodeProcess?.env?.[name] || undefined;
}

/**
 * Calls back each time that the process has nothing left to do, until what is returned is called. It lives on for
 * as long as something that was begun there needs.
 */
export function onIdleProcess(callback: () => void): () => void {
  if (idleCallbacks.size === 0) nodeProcess?.on?.("beforeExit", tellIdle);
  idleCallbacks.add(callback);
  return () => {
    idleCallbacks.delete(callback);
    if (idleCallbacks.size === 0) nodeProcess?.off?.("beforeExit", tellIdle);
  };
}

/**
 * Calls back each time that the page may be gone in a moment, until what is returned is called: when it is left
 * (`isLeft`), and when it is no longer seen, which is the last that many a telephone tells. Not on `unload`: a page
 * that listens to that is not kept for the way back.
 */
export function onPageHidden(callback: (isLeft: boolean) => void): () => void {
  const { document, addEventListener, removeEventListener } = globalThis as Partial<Page>;
  if (!document || !addEventListener || !removeEventListener) return () => {};
  const onVisibility = (): void => {
    if (document.visibilityState === "hidden") callback(false);
  };
  const onLeft = (): void => callback(true);
  addEventListener("pagehide", onLeft);
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    removeEventListener("pagehide", onLeft);
    document.removeEventListener("visibilitychange", onVisibility);
  };
}

/** As far as it matters here. */
interface Page extends PageEvents {
  readonly document: PageEvents & { readonly visibilityState: string };
}

interface PageEvents {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** A name that nobody else has. */
export function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // a page without TLS has no randomUUID
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const nodeProcess = (globalThis as { readonly process?: NodeJS.Process }).process;

/** One listener for all connections: Node.js warns of many. */
const idleCallbacks = new Set<() => void>();

function tellIdle(): void {
  for (const callback of idleCallbacks) callback();
}
