import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import type { WatchedJob } from "../watch/watched-job.js";
import type { OptionRule } from "../check-options.js";
import { NOT_CONNECTED } from "./connection-state.js";
import { isShallowEqual } from "./is-shallow-equal.js";
import { NOT_LOADED, type SharedWatchState } from "./shared-watch.js";
import { useWatchClient } from "./tidemark-provider.js";
import { scopeKey, type WatchScope } from "./watch-scope.js";

/** Options of `useJobs` and `useJob`. All are optional. They may be written inline, as they are compared by value. */
export interface WatchHookOptions<Data, Selected> {
  /**
   * Derives what the component shows. The component renders again only if the result has changed: arrays and plain objects are
   * compared by their elements. It should be pure, and may be written inline. Default: the data itself.
   */
  readonly select?: ((data: Data) => Selected) | undefined;
  /** Minimum time between two updates, milliseconds, at most 3,600,000. The server merges what changes in between. Default 100. */
  readonly minIntervalMs?: number | undefined;
  /** Whether to watch at all. Default true. */
  readonly enabled?: boolean | undefined;
}

export const WATCH_HOOK_OPTIONS: Readonly<Record<keyof WatchHookOptions<unknown, unknown>, OptionRule>> = {
  select: 2,
  minIntervalMs: 0,
  enabled: 2,
};

export const MIN_INTERVAL_MS = 100;

/** What `useJobs` and `useJob` return. Immutable, and the same object until something in it changes. */
export interface WatchResult<Selected> {
  /** The current data, or what `select` made of it. It stays while the connection is lost. */
  readonly data: Selected;
  /** Whether the first data is still on its way. False once there is data or an `error`. */
  readonly isLoading: boolean;
  /** Whether the data may be out of date, because the connection was lost. `useConnection` tells since when and why. */
  readonly isStale: boolean;
  /**
   * Why there is no current data: the server rejected the subscription, or could not be reached for the first time. In the
   * second case the client keeps trying. Undefined while there is data and the client reconnects.
   */
  readonly error: TidemarkError | undefined;
}

/**
 * Subscribes a component to a scope, or to nothing without one.
 *
 * @param select derives the data from all jobs of the watch that serves the scope
 */
export function useWatchResult<Selected>(
  scope: WatchScope | undefined,
  select: (jobs: readonly WatchedJob[]) => Selected,
): WatchResult<Selected> {
  const source = useSource(scope);
  const rendered = useRef<WatchResult<Selected> | undefined>(undefined);
  const result = useSyncExternalStore(
    source.subscribe,
    memoizedResult(source.getState, select, rendered),
    memoizedResult(source.getServerState, select, rendered),
  );
  useEffect(() => void (rendered.current = result), [result]);
  return result;
}

interface Source {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getState: () => SharedWatchState;
  /** The state while the server renders and while the page hydrates. */
  readonly getServerState: () => SharedWatchState;
}

/** The same object until another server or scope is given. */
function useSource(scope: WatchScope | undefined): Source {
  const client = useWatchClient();
  const key = scope && scopeKey(scope);
  return useMemo(() => {
    if (!scope) return DISABLED;
    return {
      subscribe: (listener) => client.subscribe(scope, listener),
      getState: () => client.stateOf(scope),
      getServerState: () => NOT_LOADED,
    };
  }, [client, key]);
}

const NO_STATE: SharedWatchState = { ...NOT_LOADED, connection: NOT_CONNECTED };
const DISABLED: Source = {
  subscribe: () => () => {},
  getState: () => NO_STATE,
  getServerState: () => NO_STATE,
};

/**
 * Derives the result once per state and render, as React calls the function several times and expects the same object. Keeps
 * the object that is on the screen if the result equals it.
 */
function memoizedResult<Selected>(
  getState: () => SharedWatchState,
  select: (jobs: readonly WatchedJob[]) => Selected,
  rendered: { readonly current: WatchResult<Selected> | undefined },
): () => WatchResult<Selected> {
  let state: SharedWatchState | undefined;
  let result: WatchResult<Selected>;
  return () => {
    const current = getState();
    if (current === state) return result;
    state = current;
    result = reusedResult(rendered.current, resultOf(current, select(current.jobs)));
    return result;
  };
}

function resultOf<Selected>(
  { isLoaded, connection: { status, error } }: SharedWatchState,
  data: Selected,
): WatchResult<Selected> {
  const reported = status === "stale" ? undefined : error;
  return {
    data,
    isLoading: !isLoaded && !reported && status === "connecting",
    isStale: isLoaded && status !== "live",
    error: reported,
  };
}

function reusedResult<Selected>(
  before: WatchResult<Selected> | undefined,
  result: WatchResult<Selected>,
): WatchResult<Selected> {
  if (!before || !isShallowEqual(before.data, result.data)) return result;
  const same = { ...result, data: before.data };
  return isShallowEqual(before, same) ? before : same;
}
