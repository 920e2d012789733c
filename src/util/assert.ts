/**
 * Says what must be true here. A failing assertion is a defect of this program, never of its input: the
 * message is for whoever mends it, and no client sees it.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The `default` of a switch that the compiler knows to be complete. */
export function unreachable(value: never): never {
  throw new AssertionError(`not reachable: ${JSON.stringify(value)}`);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}
