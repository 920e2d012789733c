import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  OperationTypeNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from "graphql";
import { handleProtocols, makeServer, type Server as ProtocolServer } from "graphql-ws";
import { WebSocketServer, type WebSocket } from "ws";
import { tokenInPayload } from "../../auth/authenticator.js";
import { EventResults } from "../../graphql/pipeline/event-results.js";
import { isRejected, type ExecutableOperation } from "../../graphql/pipeline/pipeline.js";
import { CloseCode } from "../../protocol/close-codes.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";
import { assert } from "../../util/assert.js";
import { WriteQueue } from "./frame-writer.js";
import { WebSocketConnection, type WebSocketConnectionOptions } from "./websocket-connection.js";

/**
 * GraphQL over WebSocket: graphql-ws speaks the protocol (graphql-transport-ws), ws the frames, and the
 * pipeline does what an operation asks for.
 */
export class GraphqlWebSocketServer {
  readonly #options: WebSocketConnectionOptions;
  readonly #sockets: WebSocketServer;
  readonly #protocol: ProtocolServer<WebSocketConnection>;
  readonly #connections = new Set<WebSocketConnection>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: Omit<WebSocketConnectionOptions, "outgoing">) {
    this.#options = { ...options, outgoing: new WriteQueue() };
    this.#sockets = new WebSocketServer({
      noServer: true,
      handleProtocols,
      maxPayload: options.limits.messageBytesMax,
      ...OPTIONS_WITHOUT_TYPES,
      perMessageDeflate: false,
    });
    this.#protocol = createProtocol(this.#options);
    this.#heartbeat = setInterval(() => this.#ping(), options.keepAliveMs).unref();
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** Makes a WebSocket of a request to upgrade, which has been let in. */
  open(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#opened(webSocket, request.socket),
    );
  }

  /** Tells every client to come back later, and waits until they are gone. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    const clients = [...this.#sockets.clients];
    for (const connection of this.#connections) connection.close(CloseCode.GOING_AWAY, "Going away");
    await Promise.all(clients.map(waitForClose));
  }

  #opened(webSocket: WebSocket, socket: Socket): void {
    const connection = new WebSocketConnection(webSocket, socket, this.#options);
    this.#connections.add(connection);
    const onClosed = this.#protocol.opened(connection, connection);
    webSocket.once("close", (code, reason) => {
      this.#connections.delete(connection);
      onClosed(code, String(reason)).catch((error: unknown) => {
        this.#options.log.error({ err: error }, "a WebSocket could not be cleaned up");
      });
    });
  }

  #ping(): void {
    for (const connection of this.#connections) connection.ping();
  }
}

/** How long a client is waited for that was told to go away, or why it has to, milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

/** The types of ws do not know them yet. Of a message that comes in frames, which clients send in one, 64 are taken. */
const OPTIONS_WITHOUT_TYPES = { maxFragments: 64, closeTimeout: CLOSE_TIMEOUT_MS };

function createProtocol({
  pipeline,
  authenticator,
  limits,
  initTimeoutMs,
}: WebSocketConnectionOptions): ProtocolServer<WebSocketConnection> {
  return makeServer<Record<string, unknown> | undefined, WebSocketConnection>({
    connectionInitWaitTimeout: initTimeoutMs,
    async onConnect({ extra: connection, connectionParams }) {
      const token = tokenInPayload(connectionParams);
      try {
        connection.admit(await authenticator.authenticate(token));
        return true;
      } catch (error) {
        connection.refuse(pipeline.reject(error), token === undefined);
        return false;
      }
    },
    onSubscribe({ extra: connection }, id, payload) {
      const { query, operationName, variables } = payload;
      forget(payload);
      const prepared = pipeline.prepare({ caller: connection.caller, query, operationName, variables });
      if (isRejected(prepared)) return prepared.errors;
      if (prepared.kind !== OperationTypeNode.SUBSCRIPTION || connection.admitSubscription(id))
        return new GraphqlWsArgs(prepared);
      const { subscriptionsPerSocketMax } = limits;
      const what = `This socket has ${subscriptionsPerSocketMax} subscriptions open. Complete some, or open another`;
      return pipeline.reject(limitExceeded("subscriptionsPerSocketMax", what, subscriptionsPerSocketMax))
        .errors;
    },
    onOperation({ extra: connection }, id, _payload, _args, result) {
      return result instanceof EventResults ? connection.opened(id, result) : undefined;
    },
    execute: (args) => pipeline.execute(takeOperation(args)),
    // Safe: onOperation puts another iterable in the place of the results.
    subscribe: (args) =>
      pipeline.subscribe(takeOperation(args)) as Promise<ExecutionResult | AsyncIterable<never>>,
  });
}

/**
 * What graphql-ws is given to execute. It keeps it as long as the operation is under way, so it is taken out of
 * here: a subscriber keeps what it needs, and no more.
 */
class GraphqlWsArgs implements ExecutionArgs {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
  /** Ours is in the operation; graphql-ws would make one if there were none. */
  readonly contextValue = undefined;
  readonly rootValue = undefined;
  #prepared: ExecutableOperation | undefined;

  constructor(prepared: ExecutableOperation) {
    const { schema, document, operationName } = prepared;
    this.schema = schema;
    this.document = document;
    this.operationName = operationName;
    this.#prepared = prepared;
  }

  take(): ExecutableOperation {
    const prepared = this.#prepared;
    assert(prepared, "an operation is taken once");
    this.#prepared = undefined;
    return prepared;
  }
}

function takeOperation(args: ExecutionArgs): ExecutableOperation {
  assert(args instanceof GraphqlWsArgs, "graphql-ws executes what onSubscribe gave it");
  return args.take();
}

/** graphql-ws keeps the message too: a thousand subscribers would keep a thousand copies of one text. */
function forget(payload: object): void {
  Object.assign(payload, { query: "", variables: undefined });
}

async function waitForClose(webSocket: WebSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    const timeout = setTimeout(() => webSocket.terminate(), CLOSE_TIMEOUT_MS);
    webSocket.once("close", () => {
      clearTimeout(timeout);
      resolve();
    });
  });
}
