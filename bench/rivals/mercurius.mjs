/** mercurius on fastify, with operations compiled by graphql-jit from their second run on. */
import Fastify from "fastify";
import mercurius from "mercurius";
import { answerAsked } from "../measured.mjs";
import { schema } from "./schema.mjs";
import { storeJobs, update } from "./store.mjs";

const server = Fastify();
await server.register(mercurius, { schema, jit: 1, subscription: true });
const url = await server.listen({ port: 0, host: "127.0.0.1" });
answerAsked(url, { storeJobs, update });
