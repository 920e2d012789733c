import { getHeapStatistics } from "node:v8";

/**
 * The default of `--memory-max`: the jobs may take half of what the heap has beyond the needs of an idle server. The other
 * half is for requests, watchers, the journal's own maps, and for the garbage collector, which slows down long before a
 * heap is full.
 */
export function memoryMaxOfHeap(heapLimit = getHeapStatistics().heap_size_limit): number {
  return Math.max(MEMORY_LEAST, Math.floor((heapLimit - IDLE_BYTES) / 2));
}

/** The least value of a limit of memory: a few jobs must fit. */
export const MEMORY_LEAST = 1_000_000;

/** The young generation of the heap, and the code and data of a server without jobs. */
const IDLE_BYTES = 88_000_000;
