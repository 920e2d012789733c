/** mercurius on fastify. graphql-jit compiles an operation on its second run. */
import Fastify from "fastify";
import mercurius from "mercurius";
import { answerRequests } from "../measured.mjs";
import { schema } from "./schema.mjs";
import { storeJobs, update } from "./store.mjs";

const server = Fastify();
await server.register(mercurius, { schema, jit: 1, subscription: true });
const url = await server.listen({ port: 0, host: "127.0.0.1" });
answerRequests(url, { storeJobs, update });
