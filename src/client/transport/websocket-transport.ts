import type { ClientRequest } from "node:http";
import { CloseCode } from "../../protocol/close-codes.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { ResponseError } from "./response-error.js";
import { authorizationOf } from "./token.js";
import {
  sessionEndOf,
  type SessionEnd,
  type SubscriptionResponse,
  type SubscriptionRequest,
  type WatchSession,
} from "./watch-session.js";

/** A subscription over `graphql-transport-ws`, one a socket. */
export async function webSocketTransport(
  question: SubscriptionRequest,
  session: WatchSession,
): Promise<void> {
  const WebSocket = await platformWebSocket();
  if (session.hasEnded) return;
  const url = question.url.href.replace(/^http/, "ws");
  const socket = new WebSocket(url, "graphql-transport-ws", question.isInBackground ? IN_BACKGROUND : {});
  const send = (message: object): void => {
    if (socket.readyState === OPEN) socket.send(JSON.stringify(message));
  };
  socket.addEventListener("open", () =>
    send({ type: "connection_init", payload: authorizationOf(question.token) }),
  );
  socket.addEventListener("message", ({ data }) => {
    session.take(() => receive(JSON.parse(String(data)) as ServerMessage, question, session, send));
  });
  socket.addEventListener("error", () => {}); // the close that follows tells what there is to tell
  socket.addEventListener("close", ({ code, reason }) => session.end(endOfClosing(code, reason, session)));
  session.onOpened({ ping: () => send({ type: "ping" }), close: () => close(socket) });
}

/** Trusted as far as the types go: the protocol is one that the server has agreed to. */
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
  const cause = new Error(`The WebSocket was closed with ${code}${reason && `: ${reason}`}`);
  if (UNAUTHORIZED.has(code)) return { kind: "unauthorized", error: refusal("UNAUTHENTICATED", cause) };
  if (MISTAKES.has(code)) return { kind: "refused", error: refusal("BAD_USER_INPUT", cause) };
  if (code === CloseCode.GOING_AWAY) return { kind: "broken", cause, isGoingAway: true };
  return { kind: isAcknowledged || code >= 4000 ? "broken" : "unopened", cause };
}

/** That of the protocol for a subscription before its time, or for a token that is not or no longer good. */
const UNAUTHORIZED = new Set<number>([4401, 4403]);

/** A message that the server can't do anything with: the same one again would be no better. */
const MISTAKES = new Set<number>([
  CloseCode.MESSAGE_TOO_BIG,
  CloseCode.BAD_REQUEST,
  CloseCode.SUBSCRIBER_ALREADY_EXISTS,
]);

function refusal(code: "UNAUTHENTICATED" | "BAD_USER_INPUT", cause: Error): TidemarkError {
  return new TidemarkError(code, cause.message, { cause });
}

/** What is used of a WebSocket; that of `ws` can also be ended without waiting for the other side. */
interface Socket {
  readonly readyState: number;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  send(message: string): void;
  close(code?: number): void;
  terminate?(): void;
}

/** That of a page takes no options, and ignores them. */
type SocketClass = new (url: string, protocol: string, options: object) => Socket;

const OPEN = 1;

/** For `ws`: from the first moment on the process does not wait for the connection. */
const IN_BACKGROUND = {
  finishRequest(request: ClientRequest): void {
    request.once("socket", (socket) => socket.unref());
    request.end();
  },
};

/**
 * In Node.js that of `ws`, also where there is one of the platform: that one can't be closed at once when its
 * connection is half open, and keeps the process alive meanwhile.
 */
async function platformWebSocket(): Promise<SocketClass> {
  const { WebSocket, process } = globalThis as Platform;
  const isNode = process?.versions?.node !== undefined;
  if (WebSocket && !isNode) return WebSocket;
  return (await import("ws")).WebSocket as unknown as SocketClass; // safe: it has the parts that are used
}

/** As far as it matters here. */
interface Platform {
  readonly WebSocket?: SocketClass;
  readonly process?: { readonly versions?: { readonly node?: string } };
}

function close(socket: Socket): void {
  socket.close(1000);
  socket.terminate?.();
}
