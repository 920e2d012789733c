/** Why a subscription ended, and so what happens next: read from GraphQL errors, a WebSocket's close code or an HTTP response. */
import { TidemarkError } from "../../protocol/tidemark-error.js";
import {
  isRetryable,
  isServerUnavailable,
  notTidemark,
  toTidemarkError,
  type ResponseError,
} from "./response-error.js";

export type SessionEnd =
  /** Reconnect: to the next server, or to the same one if it was not the server that failed. */
  | {
      readonly kind: "broken";
      readonly cause?: unknown;
      readonly isGoingAway?: boolean;
      readonly stays?: boolean;
    }
  /** The connection never opened: try the other transport. */
  | { readonly kind: "unopened"; readonly cause?: unknown }
  /** Reconnect with a new token, if there is one. */
  | { readonly kind: "unauthorized"; readonly error: TidemarkError }
  /** A retry would fail the same way. */
  | { readonly kind: "refused"; readonly error: TidemarkError };

/** A GraphQL response in JSON. The server is trusted to send this shape. */
export interface SubscriptionResponse {
  readonly data?: unknown;
  readonly errors?: readonly ResponseError[];
}

/** How a subscription ends after the errors of a response. */
export function endOfErrors([first]: readonly ResponseError[]): SessionEnd {
  const error = toTidemarkError(first ?? { message: "No reason given." }, "INTERNAL");
  if (error.code === "UNAUTHENTICATED") return { kind: "unauthorized", error };
  return isRetryable(error)
    ? { kind: "broken", cause: error, stays: !isServerUnavailable(error) }
    : { kind: "refused", error };
}

/** Whether another server should be tried. */
export function leavesServer(end: SessionEnd): end is SessionEnd & { readonly cause?: unknown } {
  return end.kind === "unopened" || (end.kind === "broken" && !end.stays);
}

/** How a WebSocket ended. @param wasOpen whether it got beyond the handshake, which needs no code of ours to be known. */
export function endOfClosing({ code, reason }: Closing, wasOpen: boolean): SessionEnd {
  const cause = new Error(`The WebSocket closed with code ${code}${reason && `: ${reason}`}`);
  if (UNAUTHORIZED.has(code)) return { kind: "unauthorized", error: closeError("UNAUTHENTICATED", cause) };
  if (CLIENT_ERRORS.has(code)) return { kind: "refused", error: closeError("BAD_USER_INPUT", cause) };
  if (code === GOING_AWAY) return { kind: "broken", cause, isGoingAway: true };
  if (code >= 4000) return { kind: "broken", cause, stays: true };
  return { kind: wasOpen ? "broken" : "unopened", cause };
}

/** The used part of a `CloseEvent`. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** Some codes of src/protocol/close-codes.ts, as numbers: the whole table would be a part of every page that uses the SDK. */
const GOING_AWAY = 1001;
/** UNAUTHORIZED and INVALID_TOKEN. */
const UNAUTHORIZED = new Set([4401, 4403]);
/** MESSAGE_TOO_BIG, BAD_REQUEST and SUBSCRIBER_ALREADY_EXISTS: the server would reject the same message again. */
const CLIENT_ERRORS = new Set([1009, 4400, 4409]);

function closeError(code: "UNAUTHENTICATED" | "BAD_USER_INPUT", cause: Error): TidemarkError {
  return new TidemarkError(code, cause.message, { cause });
}

/** What an HTTP response means that is not an event stream. */
export async function endOfResponse(response: HttpResponse): Promise<SessionEnd> {
  const { status } = response;
  const { errors } = await parseResponse(response);
  const message = errors?.[0]?.message ?? notTidemark(response.url, status);
  if (status === 401 || (status === 403 && !errors?.length))
    return { kind: "unauthorized", error: new TidemarkError("UNAUTHENTICATED", message) };
  if (errors?.length) return endOfErrors(errors);
  const error = new TidemarkError("UNAVAILABLE", message);
  return status >= 500 || TRANSIENT_STATUSES.has(status)
    ? { kind: "broken", cause: error }
    : { kind: "refused", error };
}

/** The used part of a `Response`. */
export interface HttpResponse {
  readonly status: number;
  readonly url: string;
  json(): Promise<unknown>;
}

/** Client errors for which a retry may succeed. */
const TRANSIENT_STATUSES = new Set([408, 425, 429]);

async function parseResponse(response: HttpResponse): Promise<SubscriptionResponse> {
  try {
    return (await response.json()) as SubscriptionResponse; // safe: other JSON has no `errors`
  } catch {
    return {};
  }
}
