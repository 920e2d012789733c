/** Ends the making, or the run, of a plan: graphql-js is to do it, which knows all cases. It never reaches a client. */
export class PlanBailout extends Error {
  override readonly name = "PlanBailout";
}

/** What `make` gives; undefined where it throws, whatever it throws. */
export function tryPlan<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
