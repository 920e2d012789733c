/** graphql-yoga with graphql-ws on the same path, as in Yoga's documentation. */
import { createServer } from "node:http";
import { useServer } from "graphql-ws/use/ws";
import { createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";
import { answerRequests } from "../measured.mjs";
import { schema } from "./schema.mjs";
import { storeJobs, update } from "./store.mjs";

const yoga = createYoga({ schema, logging: false });
const http = createServer(yoga);
const sockets = new WebSocketServer({ server: http, path: yoga.graphqlEndpoint });

useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    async onSubscribe(context, _id, { operationName, query, variables }) {
      const {
        schema: enveloped,
        execute,
        subscribe,
        contextFactory,
        parse,
        validate,
      } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params: { operationName, query, variables },
      });
      const args = {
        schema: enveloped,
        operationName,
        document: parse(query),
        variableValues: variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  sockets,
);

http.listen(0, "127.0.0.1", () => {
  answerRequests(`http://127.0.0.1:${http.address().port}`, { storeJobs, update });
});
