/**
 * The platform functions of Node.js or the browser: time, environment variables, random ids, and control over when the
 * process may exit. The rest of the client is independent of the platform.
 */

/** A source of time. Tests use one that they advance manually. */
export interface ClientClock {
  /** Milliseconds since a fixed moment; never decreases. */
  now(): number;
  /**
   * Calls back once, after `delayMs`, unless canceled. The timers of a worker do not keep the process alive; those of
   * a watcher do.
   */
  schedule(delayMs: number, callback: () => void): ClientTimer;
}

/** A scheduled call. */
export interface ClientTimer {
  /** Cancels the call. Has no effect after the call or a second time. */
  cancel(): void;
}

/**
 * The platform's `AbortSignal`. Where its types are not installed, as without the DOM or `@types/node`, the part of it
 * that jobs and watches need.
 */
export type PlatformSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : {
      /** Whether it was aborted. */
      readonly aborted: boolean;
      /** Why it was aborted. */
      readonly reason: unknown;
      /** Throws the reason if it was aborted. */
      throwIfAborted(): void;
      /** Calls back when it is aborted. */
      addEventListener(type: "abort", listener: () => void): void;
      /** Removes a callback. */
      removeEventListener(type: "abort", listener: () => void): void;
    };

export const platformClock: ClientClock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer: Partial<NodeJS.Timeout> = setTimeout(callback, delayMs);
    timer.unref?.(); // absent in browsers
    return { cancel: () => clearTimeout(timer as NodeJS.Timeout) };
  },
};

/**
 * Resolves in the next turn of the event loop, after timers and sockets had theirs. Neither `scheduler.yield` nor
 * `setTimeout` will do in a page: the first gives timers and requests no turn, and the second takes 4 ms, or a second
 * in a hidden page.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate) return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}

/**
 * Keeps the process alive until canceled, or until `limitMs` have passed since the start and since `activeAt()`, a
 * time of `performance.now()`; then calls back.
 */
export function keepAlive(limitMs: number, onExpired: () => void, activeAt = () => -Infinity): ClientTimer {
  const check = (): void => {
    const leftMs = activeAt() + limitMs - performance.now();
    if (leftMs > 0) timer = setTimeout(check, Math.ceil(leftMs));
    else onExpired();
  };
  let timer = setTimeout(check, limitMs);
  return { cancel: () => clearTimeout(timer) };
}

/** Marks a rejection as handled, so that a promise that nothing awaits can't end the process. Returns the promise. */
export function ignoreUnawaited<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}

/** The value of an environment variable; undefined if it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  return nodeProcess?.env?.[name] || undefined;
}

/**
 * Calls back whenever the page may be about to close, and returns a function that unsubscribes. `isLeft` is true when
 * the user leaves the page, and false when it becomes hidden, often the last event on a phone. An `unload` listener
 * would keep the page out of the back/forward cache.
 */
export function onPageHidden(callback: (isLeft: boolean) => void): () => void {
  const page = globalThis as unknown as Page;
  const { document } = page;
  if (!document) return () => {};
  const onVisibility = (): void => {
    if (document.visibilityState === "hidden") callback(false);
  };
  const onLeft = (): void => callback(true);
  page.addEventListener("pagehide", onLeft);
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    page.removeEventListener("pagehide", onLeft);
    document.removeEventListener("visibilitychange", onVisibility);
  };
}

interface Page extends PageEvents {
  /** Absent outside of browsers. */
  readonly document?: PageEvents & { readonly visibilityState: string };
}

interface PageEvents {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** A random id of 128 bits, in hexadecimal. */
export function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs a page with TLS
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const nodeProcess = (globalThis as { readonly process?: NodeJS.Process }).process;
const versions: Partial<NodeJS.ProcessVersions> = nodeProcess?.versions ?? {};

/** Absent in browsers. Read once, because tests of a program may replace it by one that never calls back. */
const setImmediate = /*#__PURE__*/ (() => (globalThis as Partial<typeof globalThis>).setImmediate)();

/** Whether this is Node.js or a platform that is compatible with it. */
export const isNodeLike = versions.node !== undefined;

/** Whether this is Node.js itself. */
export const isNode = /*#__PURE__*/ (() => isNodeLike && !versions["bun"] && !versions["deno"])();
