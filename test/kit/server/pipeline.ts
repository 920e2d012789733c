import type { GraphQLSchema } from "graphql";
import { AnonymousAuthenticator } from "../../../src/auth/authenticator.js";
import type { Services } from "../../../src/graphql/context.js";
import { Pipeline } from "../../../src/graphql/pipeline/pipeline.js";
import { Hub } from "../../../src/hub/hub.js";
import type { Stores } from "../store/task-stores.js";

/** A pipeline over task stores, as `startApp` makes it. */
export function createPipeline(
  { provider, clock, limits, log, retention }: Stores,
  schema: GraphQLSchema,
  observer: Services["observer"],
): Pipeline {
  const hub = new Hub(provider, { clock, bookmarkMs: 30_000 });
  const elapsedMs = (since: number, until: number): number => clock.elapsedMs(since, until);
  const authenticator = new AnonymousAuthenticator(clock);
  const about = { version: "0.0.0", publicUrl: "", authenticator };
  const services = { ...about, limits, leaseMs: 60_000, retention, elapsedMs, observer, log };
  return new Pipeline({
    schema,
    services,
    provider,
    hub,
    emptyHub: hub,
    introspection: true,
    clock,
  });
}
