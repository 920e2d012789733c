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
import {
  isRejected,
  type ExecutableOperation,
  type OperationRequest,
  type Pipeline,
  type RejectedOperation,
} from "../../graphql/pipeline/pipeline.js";
import { CloseCode } from "../../protocol/close-codes.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";
import { assert } from "../../util/assert.js";
import { SlicedQueue } from "../../util/sliced-queue.js";
import type { TurnLength } from "../../util/turn-length.js";
import { parseOperationParams } from "../operation-params.js";
import { REQUEST_ID_HEADER, requestIdOf } from "../http/request-id.js";
import { serverUrlOf } from "../http/server-url.js";
import type { Client } from "../refusal-log.js";
import type { WatcherConnection } from "../paced-close.js";
import { createWriteQueue } from "./frame-writer.js";
import {
  WebSocketConnection,
  type Opening,
  type WebSocketConnectionOptions,
} from "./websocket-connection.js";

export interface GraphqlWebSocketServerOptions extends Omit<WebSocketConnectionOptions, "outgoing"> {
  readonly turnLength: TurnLength;
}

/**
 * GraphQL over WebSocket: graphql-ws implements the protocol (graphql-transport-ws), ws the frames, and the pipeline
 * executes the operations.
 */
export class GraphqlWebSocketServer {
  readonly #options: WebSocketConnectionOptions;
  readonly #sockets: WebSocketServer;
  readonly #protocol: ProtocolServer<WebSocketConnection>;
  readonly #connections = new Set<WebSocketConnection>();
  /** After a restart thousands of clients return at once, and the requests of others come in between. */
  readonly #handshakes: SlicedQueue<Handshake>;
  readonly #heartbeat: NodeJS.Timeout;
  #isClosed = false;

  constructor({ turnLength, ...options }: GraphqlWebSocketServerOptions) {
    this.#options = { ...options, outgoing: createWriteQueue(turnLength) };
    this.#handshakes = new SlicedQueue((handshake) => this.#complete(handshake), {
      budget: turnLength.budget({ minMs: HANDSHAKES_TURN_MS, maxMs: HANDSHAKES_TURN_MS }),
      canWait: ({ requestedAt }) =>
        turnLength.areConnectionsArriving && performance.now() - requestedAt < HANDSHAKE_WAIT_MS,
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      handleProtocols,
      maxPayload: options.limits.messageBytesMax,
      ...OPTIONS_WITHOUT_TYPES,
      perMessageDeflate: false,
    });
    this.#sockets.on("headers", (headers, request) => {
      headers.push(`${REQUEST_ID_HEADER}: ${requestIdOf(request)}`);
    });
    this.#protocol = createProtocol(this.#options);
    this.#heartbeat = setInterval(() => this.#ping(), options.keepAliveMs).unref();
  }

  /** The oldest first. */
  get connections(): Iterable<WatcherConnection> {
    return this.#connections;
  }

  /** Open sockets. */
  get size(): number {
    return this.#connections.size;
  }

  /** Upgrades an admitted request to a WebSocket, in one of the next turns. */
  open(request: IncomingMessage, socket: Duplex, head: Buffer, client: Client): void {
    this.#handshakes.add({ request, socket, head, client, requestedAt: performance.now() });
  }

  /** Closes every socket with 1001 and waits for the clients to disconnect. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#heartbeat);
    const clients = [...this.#sockets.clients];
    for (const connection of this.#connections) connection.close(GOING_AWAY.code, GOING_AWAY.reason);
    await Promise.all(clients.map(waitForClose));
  }

  #complete({ request, socket, head, client }: Handshake): void {
    if (this.#isClosed) return void socket.destroy();
    const serverUrl = serverUrlOf(request, this.#options.trustsProxy);
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#opened(webSocket, request.socket, { client, serverUrl }),
    );
  }

  #opened(webSocket: WebSocket, socket: Socket, opening: Opening): void {
    const connection = new WebSocketConnection(webSocket, socket, opening, this.#options);
    this.#connections.add(connection);
    const onClosed = this.#protocol.opened(connection, connection);
    webSocket.once("close", (code, reason) => {
      this.#connections.delete(connection);
      onClosed(code, String(reason)).catch((error: unknown) => {
        this.#options.log.error({ err: error, ...opening.client }, "cleaning up a WebSocket failed");
      });
    });
  }

  #ping(): void {
    for (const connection of this.#connections) connection.ping();
  }
}

interface Handshake {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly client: Client;
  readonly requestedAt: number;
}

/** Tells clients that the server stops. */
export const GOING_AWAY = { code: CloseCode.GOING_AWAY, reason: "Going away" };

/** Time for handshakes per turn of the event loop. The messages that follow take about as long. */
const HANDSHAKES_TURN_MS = 3;

/** How long a handshake may wait for the connections behind it to be accepted, as requests of others may be among them. */
const HANDSHAKE_WAIT_MS = 1_000;

/** How long a client may take to complete the closing handshake. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Missing in the types of ws. Clients send a message in one frame; the server accepts up to 64. */
const OPTIONS_WITHOUT_TYPES = { maxFragments: 64, closeTimeout: CLOSE_TIMEOUT_MS };

function createProtocol({
  pipeline,
  authenticator,
  refusals,
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
        refusals.rejected(connection.client, error);
        connection.rejectInit(pipeline.reject(error, connection.client.requestId), token === undefined);
        return false;
      }
    },
    onSubscribe({ extra: connection }, id) {
      const requestId = connection.requestIdOf(id);
      const prepared = prepare(pipeline, connection.takePayload(id), {
        caller: connection.caller,
        serverUrl: connection.serverUrl,
        requestId,
      });
      if (isRejected(prepared)) {
        refusals.rejected(connection.client, prepared.errors[0]);
        return prepared.errors;
      }
      if (prepared.kind !== OperationTypeNode.SUBSCRIPTION || connection.admitSubscription(id))
        return new GraphqlWsArgs(prepared);
      const { subscriptionsPerSocketMax } = limits;
      const what = `Too many open subscriptions on this socket. Complete some, or open another socket`;
      return pipeline.reject(limitExceeded("subscriptionsPerSocketMax", what, subscriptionsPerSocketMax))
        .errors;
    },
    onOperation({ extra: connection }, id, _payload, _args, result) {
      return result instanceof EventResults ? connection.opened(id, result) : undefined;
    },
    execute: (args) => pipeline.execute(takeOperation(args)),
    // Safe: onOperation replaces the results by another iterable.
    subscribe: (args) =>
      pipeline.subscribe(takeOperation(args)) as Promise<ExecutionResult | AsyncIterable<never>>,
  });
}

/**
 * The execution arguments for graphql-ws, which holds them as long as the operation runs. The prepared operation is
 * moved out at execution, so that a subscriber retains no more than it needs.
 */
class GraphqlWsArgs implements ExecutionArgs {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
  /** The prepared operation has the context. Without this field graphql-ws would create one. */
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
    assert(prepared, "an operation is executed once");
    this.#prepared = undefined;
    return prepared;
  }
}

function takeOperation(args: ExecutionArgs): ExecutableOperation {
  assert(args instanceof GraphqlWsArgs, "graphql-ws passes on the arguments of onSubscribe");
  return args.take();
}

function prepare(
  pipeline: Pipeline,
  payload: unknown,
  from: Pick<OperationRequest, "caller" | "serverUrl" | "requestId">,
): ExecutableOperation | RejectedOperation {
  try {
    return pipeline.prepare({ ...parseOperationParams(payload), ...from });
  } catch (error) {
    return pipeline.reject(error, from.requestId);
  }
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
