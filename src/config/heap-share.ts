import { getHeapStatistics } from "node:v8";

/**
 * The default of `--memory-max`: the jobs may take half of what the old space of the heap (`--max-old-space-size`) has
 * beyond the needs of an idle server, at most 1 GB. The other half is for requests, watchers, the journal's own maps, and for the garbage collector, which slows down
 * long before a heap is full. Its pauses grow with the jobs: half a second with 1 GB of them.
 */
export function memoryMaxOfHeap(heapLimit = getHeapStatistics().heap_size_limit): number {
  const half = Math.floor((heapLimit - YOUNG_BYTES - IDLE_BYTES) / 2);
  return Math.min(Math.max(MEMORY_LEAST, half), DEFAULT_MOST);
}

/** The least value of a limit of memory: a few jobs must fit. */
export const MEMORY_LEAST = 1_000_000;

const DEFAULT_MOST = 1_000_000_000;

/** The young generation, which V8 adds to the limit of the heap: three semi-spaces of 16 MiB. No job lives there. */
const YOUNG_BYTES = 50_331_648;

/** The code and data of a server without jobs. */
const IDLE_BYTES = 38_000_000;
