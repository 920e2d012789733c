import { authorizationOf } from "./endpoint.js";
import { endOfResponse, type SubscriptionResponse } from "./session-end.js";
import type { SubscriptionRequest, WatchSession } from "./watch-session.js";

/**
 * Subscribes over server-sent events, for networks that block WebSockets. There is no ping, because the server sends
 * comments on its own.
 */
export async function sseTransport(request: SubscriptionRequest, session: WatchSession): Promise<void> {
  const abort = new AbortController();
  session.onOpened({ close: () => abort.abort() });
  const response = await fetch(request.url, fetchOptions(request, abort.signal));
  if (!isEventStream(response)) return session.end(await endOfResponse(response));
  session.take(() => session.onAcknowledged());
  for await (const { event, data } of eventsOf(response, () => session.onActivity())) {
    if (event !== "next") continue;
    session.take(() => session.onResponse(JSON.parse(data) as SubscriptionResponse)); // safe: the server writes this shape
  }
  session.end({ kind: "broken", cause: new Error("The server ended the event stream.") });
}

function fetchOptions({ token, query, variables }: SubscriptionRequest, signal: AbortSignal): RequestInit {
  const headers = {
    "content-type": "application/json",
    accept: "text/event-stream",
    ...authorizationOf(token),
  };
  return { method: "POST", headers, body: JSON.stringify({ query, variables }), signal, cache: "no-store" };
}

function isEventStream({ ok, headers, body }: Response): boolean {
  return ok && body !== null && !!headers.get("content-type")?.startsWith("text/event-stream");
}

interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

async function* eventsOf({ body }: Response, onBytes: () => void): AsyncGenerator<ServerSentEvent, void> {
  const reader = body!.getReader(); // safe: isEventStream checked it
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    onBytes();
    const blocks = (text + decoder.decode(chunk.value as Uint8Array, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    yield* blocks.map(eventOf);
  }
}

/** Parses one line per field, as the server writes them. A comment becomes an event without a name. */
function eventOf(block: string): ServerSentEvent {
  const fields = block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), valueOf(line)]);
  return { event: "", data: "", ...(Object.fromEntries(fields) as Partial<ServerSentEvent>) };
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(":") + 1).trimStart();
}
