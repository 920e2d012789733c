/** Apollo Server on express with graphql-ws on the same path, as in Apollo's documentation. */
import { createServer } from "node:http";
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
import express from "express";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { answerRequests } from "../measured.mjs";
import { schema } from "./schema.mjs";
import { storeJobs, update } from "./store.mjs";

const app = express();
const http = createServer(app);
const apollo = new ApolloServer({ schema });
await apollo.start();
app.use("/graphql", express.json(), expressMiddleware(apollo));
useServer({ schema }, new WebSocketServer({ server: http, path: "/graphql" }));

http.listen(0, "127.0.0.1", () => {
  answerRequests(`http://127.0.0.1:${http.address().port}`, { storeJobs, update });
});
