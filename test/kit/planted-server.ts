import { GraphQLObjectType, GraphQLSchema, type GraphQLFieldConfigMap } from "graphql";
import { OpenAuthenticator } from "../../src/auth/authenticator.js";
import { loadConfig } from "../../src/config/load-config.js";
import type { OperationContext } from "../../src/graphql/context.js";
import { schema } from "../../src/graphql/schema.js";
import { Health } from "../../src/server/health.js";
import { Metrics } from "../../src/server/metrics.js";
import { Server } from "../../src/server/server.js";
import { createPipeline } from "./pipelines.js";
import type { RecordingLog } from "./recording-log.js";
import { createStores } from "./task-stores.js";

type Fields = GraphQLFieldConfigMap<unknown, OperationContext>;

/** Fields beside those that the schema has. */
export interface PlantedFields {
  readonly query?: Fields;
  readonly mutation?: Fields;
  readonly subscription?: Fields;
}

/** A server as `startApp` makes it, whose schema has more fields: some that fail, for example. */
export async function startPlantedServer(
  fields: PlantedFields,
): Promise<{ readonly url: string; readonly log: RecordingLog } & AsyncDisposable> {
  const config = loadConfig({ flags: { port: "0", store: "memory:" }, env: {}, readFile: () => "{}" });
  const stores = createStores();
  const { clock, log } = stores;
  const metrics = new Metrics();
  const pipeline = createPipeline(stores, planted(fields), metrics);
  const authenticator = new OpenAuthenticator(clock);
  const health = new Health(async () => true);
  const about = { version: "0.0.0", tracking: true, demo: false };
  const served = { about, dashboard: undefined, demonstration: undefined };
  const server = new Server({ ...config, ...served, clock, pipeline, authenticator, health, metrics, log });
  const { url } = await server.start();
  return { url, log, [Symbol.asyncDispose]: () => server.stop() };
}

function planted({ query = {}, mutation = {}, subscription = {} }: PlantedFields): GraphQLSchema {
  const config = schema.toConfig();
  const roots = [config.query, config.mutation, config.subscription];
  return new GraphQLSchema({
    ...config,
    types: config.types.filter((type) => !roots.some((root) => root === type)),
    query: withFields(config.query!, query),
    mutation: withFields(config.mutation!, mutation),
    subscription: withFields(config.subscription!, subscription),
  });
}

function withFields(type: GraphQLObjectType, fields: Fields): GraphQLObjectType {
  const config = type.toConfig();
  return new GraphQLObjectType({ ...config, fields: { ...config.fields, ...fields } });
}
