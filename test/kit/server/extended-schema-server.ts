import { GraphQLObjectType, GraphQLSchema, type GraphQLFieldConfigMap } from "graphql";
import { AnonymousAuthenticator } from "../../../src/auth/authenticator.js";
import { loadConfig } from "../../../src/config/load-config.js";
import type { OperationContext } from "../../../src/graphql/context.js";
import { schema } from "../../../src/graphql/schema.js";
import { HealthProbes } from "../../../src/server/health-probes.js";
import { Metrics } from "../../../src/server/metrics.js";
import { Server } from "../../../src/server/server.js";
import { createPipeline } from "./pipeline.js";
import type { RecordingLog } from "./recording-log.js";
import { createStores } from "../store/task-stores.js";

type Fields = GraphQLFieldConfigMap<unknown, OperationContext>;

/** Additional fields of the schema. */
export interface ExtraFields {
  readonly query?: Fields;
  readonly mutation?: Fields;
  readonly subscription?: Fields;
}

/** A server like that of `startApp` with additional fields, for example failing ones. */
export async function startExtendedServer(fields: ExtraFields): Promise<SchemaServer> {
  return startSchemaServer(planted(fields));
}

export interface SchemaServer extends AsyncDisposable {
  readonly url: string;
  readonly log: RecordingLog;
}

/** A server like that of `startApp` with another schema. */
export async function startSchemaServer(served: GraphQLSchema): Promise<SchemaServer> {
  const config = loadConfig({ flags: { port: "0", store: "memory:" }, env: {}, readFile: () => "{}" });
  const stores = createStores();
  const { clock, log } = stores;
  const metrics = new Metrics();
  const pipeline = createPipeline(stores, served, metrics);
  const authenticator = new AnonymousAuthenticator(clock);
  const health = new HealthProbes({ isWritable: async () => true, problems: async () => [] });
  const features = { tracking: true, demo: false, graphiql: false };
  const about = () => ({ version: "0.0.0", ...features, publicUrl: null, peerUrls: [], limits: {} });
  const pages = { about, dashboard: undefined, demonstration: undefined };
  const server = new Server({ ...config, ...pages, clock, pipeline, authenticator, health, metrics, log });
  const { url } = await server.start();
  return { url, log, [Symbol.asyncDispose]: () => server.stop() };
}

function planted({ query = {}, mutation = {}, subscription = {} }: ExtraFields): GraphQLSchema {
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
