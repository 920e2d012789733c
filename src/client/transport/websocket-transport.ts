import { isNodeLike } from "../platform.js";
import { authorizationOf } from "./endpoint.js";
import type { ResponseError } from "./response-error.js";
import { endOfClosing, endOfErrors, type Closing, type SubscriptionResponse } from "./session-end.js";
import type { SubscriptionRequest, WatchSession } from "./watch-session.js";

/** Subscribes over `graphql-transport-ws`, with one subscription per socket. */
export async function webSocketTransport(request: SubscriptionRequest, session: WatchSession): Promise<void> {
  const socket = await openSocket(request.url.replace(/^http/, "ws"), request.isInBackground);
  const send = (message: object): void => {
    if (socket.readyState === OPEN) socket.send(JSON.stringify(message));
  };
  socket.addEventListener("open", () =>
    send({ type: "connection_init", payload: authorizationOf(request.token) }),
  );
  socket.addEventListener("message", ({ data }) => {
    session.take(() => receive(JSON.parse(String(data)) as ServerMessage, request, session, send));
  });
  socket.addEventListener("error", () => {}); // a close event with the cause follows
  socket.addEventListener("close", (closing) => session.end(endOfClosing(closing, session.isAcknowledged)));
  session.onOpened({ ping: () => send({ type: "ping" }), close: () => close(socket) });
}

/** The server has agreed to the protocol, and is trusted to send these shapes. */
type ServerMessage =
  | { readonly type: "connection_ack" | "pong" | "ping" | "complete" }
  | { readonly type: "next"; readonly payload: SubscriptionResponse }
  | { readonly type: "error"; readonly payload: readonly ResponseError[] };

function receive(
  message: ServerMessage,
  { query, variables }: SubscriptionRequest,
  session: WatchSession,
  send: (message: object) => void,
): void {
  switch (message.type) {
    case "connection_ack":
      session.onAcknowledged();
      return send({ id: "watch", type: "subscribe", payload: { query, variables } });
    case "ping":
      return send({ type: "pong" });
    case "next":
      return session.onResponse(message.payload);
    case "error":
      return session.end(endOfErrors(message.payload));
    case "complete":
      return session.end({ kind: "broken" });
    case "pong":
  }
}

/** The used part of a WebSocket. That of `ws` also has `terminate`, which does not wait for the server. */
interface Socket {
  readonly readyState: number;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: Closing) => void): void;
  send(message: string): void;
  close(code?: number): void;
  terminate?(): void;
}

const OPEN = 1;

const PROTOCOL = "graphql-transport-ws";

/**
 * The browser's WebSocket, or that of `ws` in Node.js. The built-in WebSocket of Node.js can't close a half-open
 * connection immediately, and would keep the process alive.
 */
async function openSocket(url: string, isInBackground: boolean): Promise<Socket> {
  const { WebSocket } = globalThis as { readonly WebSocket?: new (url: string, protocol: string) => Socket };
  if (WebSocket && !isNodeLike) return new WebSocket(url, PROTOCOL);
  const { openNodeSocket } = await import("../node-only.js");
  return (await openNodeSocket(url, PROTOCOL, isInBackground)) as Socket; // safe: it has the used part
}

function close(socket: Socket): void {
  socket.close(1000);
  socket.terminate?.();
}
