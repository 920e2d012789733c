import { TidemarkError } from "../../protocol/tidemark-error.js";
import { authorizationOf } from "./token.js";
import {
  sessionEndOf,
  type SessionEnd,
  type SubscriptionResponse,
  type SubscriptionRequest,
  type WatchSession,
} from "./watch-session.js";

/**
 * A subscription over server-sent events, for where a WebSocket does not get through. The server gives signs of life by
 * itself.
 */
export async function sseTransport(question: SubscriptionRequest, session: WatchSession): Promise<void> {
  const abort = new AbortController();
  session.onOpened({ close: () => abort.abort() });
  const response = await fetch(question.url, requestOf(question, abort.signal));
  if (!isEventStream(response)) return session.end(await endOfAnswer(response));
  session.take(() => session.onAcknowledged());
  for await (const { event, data } of eventsOf(response, () => session.onActivity())) {
    if (event !== "next") continue;
    session.take(() => session.onResponse(JSON.parse(data) as SubscriptionResponse)); // safe: so the server writes it
  }
  session.end({ kind: "broken", cause: new Error("The event stream has ended.") });
}

function requestOf({ token, query, variables }: SubscriptionRequest, signal: AbortSignal): RequestInit {
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

async function endOfAnswer(response: Response): Promise<SessionEnd> {
  const { status } = response;
  const { errors } = await answerOf(response);
  const message =
    errors?.[0]?.message ?? `What is at ${response.url} is no Tidemark: it answers with ${status}.`;
  if (status === 401 || status === 403)
    return { kind: "unauthorized", error: new TidemarkError("UNAUTHENTICATED", message) };
  if (errors?.length) return sessionEndOf(errors);
  const error = new TidemarkError("UNAVAILABLE", message);
  return status >= 500 || PASSING.has(status) ? { kind: "broken", cause: error } : { kind: "refused", error };
}

/** Of the client errors those that may be over when it is tried again. */
const PASSING = new Set([408, 425, 429]);

async function answerOf(response: Response): Promise<SubscriptionResponse> {
  try {
    return (await response.json()) as SubscriptionResponse; // safe: JSON that is no answer has no `errors`
  } catch {
    return {};
  }
}

interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

async function* eventsOf({ body }: Response, onBytes: () => void): AsyncGenerator<ServerSentEvent, void> {
  const reader = body!.getReader(); // it is an event stream
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    onBytes();
    const blocks = (text + decoder.decode(chunk.value as Uint8Array, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    yield* blocks.map(eventOf);
  }
}

/** One line a field, as the server writes it; a comment is an event without a name. */
function eventOf(block: string): ServerSentEvent {
  const fields = block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), valueOf(line)]);
  return { event: "", data: "", ...(Object.fromEntries(fields) as Partial<ServerSentEvent>) };
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(":") + 1).trimStart();
}
