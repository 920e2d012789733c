/** Thrown if a plan can't be created or executed: graphql-js then executes the operation. Never reaches a client. */
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
