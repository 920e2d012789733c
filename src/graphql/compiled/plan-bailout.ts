/** Ends the creation or the run of a plan, and graphql-js takes over. It never reaches a client. */
export class PlanBailout extends Error {
  override readonly name = "PlanBailout";
}

/** Returns the result of `make`, or undefined if it throws any error. */
export function tryPlan<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
