import { CloseCode } from "../../protocol/close-codes.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ResponseError } from "./response-error.js";
import { isNodeLike } from "../platform.js";
import { authorizationOf } from "./endpoint.js";
import {
  sessionEndOf,
  type SessionEnd,
  type SubscriptionResponse,
  type SubscriptionRequest,
  type WatchSession,
} from "./watch-session.js";

/** Subscribes over `graphql-transport-ws`, with one subscription per socket. */
export async function webSocketTransport(request: SubscriptionRequest, session: WatchSession): Promise<void> {
  const WebSocket = await platformWebSocket();
  if (session.hasEnded) return;
  const url = request.url.href.replace(/^http/, "ws");
  const socket = new WebSocket(url, "graphql-transport-ws", request.isInBackground);
  const send = (message: object): void => {
    if (socket.readyState === OPEN) socket.send(JSON.stringify(message));
  };
  socket.addEventListener("open", () =>
    send({ type: "connection_init", payload: authorizationOf(request.token) }),
  );
  socket.addEventListener("message", ({ data }) => {
    session.take(() => receive(JSON.parse(String(data)) as ServerMessage, request, session, send));
  });
  socket.addEventListener("close", ({ code, reason }) => session.end(endOfClosing(code, reason, session)));
  session.onOpened({ ping: () => send({ type: "ping" }), close: () => socket.close(1000) });
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
      return session.end(sessionEndOf(message.payload));
    case "complete":
      return session.end({ kind: "broken" });
    case "pong":
  }
}

function endOfClosing(code: number, reason: string, { isAcknowledged }: WatchSession): SessionEnd {
  const cause = new Error(`The WebSocket closed with code ${code}${reason && `: ${reason}`}`);
  if (UNAUTHORIZED.has(code)) return { kind: "unauthorized", error: closeError("UNAUTHENTICATED", cause) };
  if (CLIENT_ERRORS.has(code)) return { kind: "refused", error: closeError("BAD_USER_INPUT", cause) };
  if (code === CloseCode.GOING_AWAY) return { kind: "broken", cause, isGoingAway: true };
  return { kind: isAcknowledged || code >= 4000 ? "broken" : "unopened", cause };
}

/** The codes of the protocol for a premature subscription, and for an invalid or expired token. */
const UNAUTHORIZED = new Set<number>([4401, 4403]);

/** Codes for messages that the server would reject again. */
const CLIENT_ERRORS = new Set<number>([
  CloseCode.MESSAGE_TOO_BIG,
  CloseCode.BAD_REQUEST,
  CloseCode.SUBSCRIBER_ALREADY_EXISTS,
]);

function closeError(code: "UNAUTHENTICATED" | "BAD_USER_INPUT", cause: Error): TidemarkError {
  return new TidemarkError(code, cause.message, { cause });
}

/** The used part of a WebSocket. */
interface Socket {
  readonly readyState: number;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  send(message: string): void;
  close(code: number): void;
}

/** The browser's WebSocket ignores whether it is in the background. */
type SocketClass = new (url: string, protocol: string, isInBackground: boolean) => Socket;

const OPEN = 1;

/** The browser's WebSocket, or the SDK's own in Node.js. */
async function platformWebSocket(): Promise<SocketClass> {
  const { WebSocket } = globalThis as { readonly WebSocket?: SocketClass };
  if (WebSocket && !isNodeLike) return WebSocket;
  const { NodeSocket } = await import("../node-only.js");
  return NodeSocket as unknown as SocketClass; // safe: its events have these properties
}
