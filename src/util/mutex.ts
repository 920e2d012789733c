/** A lock: work under it runs one at a time, in the order in which it was asked for. */
export { Mutex } from "async-mutex";
