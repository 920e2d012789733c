/**
 * Throws if `condition` is false. A failing assertion is a defect of this program, never of its input. The
 * message is for the developer; clients never see it.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The `default` of a switch that the compiler knows to be exhaustive. */
export function unreachable(value: never): never {
  throw new AssertionError(`not reachable: ${JSON.stringify(value)}`);
}

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** The code of a system error, such as ENOENT or EADDRINUSE; undefined for other errors. */
export function errorCodeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
