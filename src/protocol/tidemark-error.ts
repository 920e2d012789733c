import type { ErrorCode } from "./error-codes.js";
import type { Limits } from "./limits.js";

/** The `extensions` of a GraphQL error. */
export interface ErrorExtensions {
  readonly code: ErrorCode;
  /** The limit that was exceeded, with LIMIT_EXCEEDED, and with BAD_USER_INPUT for a text that is too long. */
  readonly limit?: LimitName;
  /** With a rate limit: when to retry, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** With INTERNAL: finds the error in the server's log. */
  readonly errorId?: string;
  /** With INTERNAL and UNAVAILABLE: the id of the request, as in its X-Request-Id header and in the server's log. */
  readonly requestId?: string;
  /** The change was applied, although the server could not build its result. */
  readonly applied?: boolean;
  /** With an event that the server could not build: the position to resume from. */
  readonly position?: string;
  /** With an event that the server could not build: its job. */
  readonly job?: { readonly username: string; readonly jobId: string };
  /** With an event that the server could not build: its job, if it has ended. */
  readonly ended?: {
    readonly username: string;
    readonly jobId: string;
    readonly attempt: number;
    readonly status: string;
  };
}

/** A setting, or `safeIntegerMax`: the largest sum of units, 2^53 - 1, which is not a setting. */
export type LimitName = keyof Limits | "safeIntegerMax";

interface TidemarkErrorOptions extends Omit<ErrorExtensions, "code"> {
  readonly cause?: unknown;
}

/**
 * An expected failure. The message tells a person what is wrong, with the value, and what to do; the code is
 * for programs. graphql-js copies `extensions` into the error that it sends.
 */
export class TidemarkError extends Error {
  /** Constant, for logs. */
  override readonly name = "TidemarkError";
  /** The code and other data for programs. */
  readonly extensions: ErrorExtensions;

  /** @param message is truncated to 600 characters */
  constructor(code: ErrorCode, message: string, options: TidemarkErrorOptions = {}) {
    super(truncateText(message), "cause" in options ? { cause: options.cause } : undefined);
    const { cause: _, ...extensions } = options;
    this.extensions = { code, ...extensions };
  }

  /** One of `ERROR_CODES`. */
  get code(): ErrorCode {
    return this.extensions.code;
  }
}

/** A BAD_USER_INPUT error. `message` names the invalid value and the rule; `limit` is the one that a text exceeds. */
export function badUserInput(message: string, limit?: keyof Limits): TidemarkError {
  return new TidemarkError("BAD_USER_INPUT", message, limit && { limit });
}

/** An UNAVAILABLE error. `message` says what the server cannot do now. */
export function unavailable(message: string, cause?: unknown): TidemarkError {
  return new TidemarkError("UNAVAILABLE", message, { cause });
}

/** Shortens a text, so that an answer stays short however large the request was. */
export function truncateText(text: string, lengthMax = MESSAGE_LENGTH_MAX): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}

const MESSAGE_LENGTH_MAX = 600;

/** A LIMIT_EXCEEDED error. The message says what exceeds the limit, and names the limit's setting. */
export function limitExceeded(
  limit: LimitName,
  what: string,
  bound: number,
  options: Omit<TidemarkErrorOptions, "limit"> = {},
): TidemarkError {
  return new TidemarkError("LIMIT_EXCEEDED", `${what}; the limit is ${bound} (${limit}).`, {
    ...options,
    limit,
  });
}

/** The limit in a message of `limitExceeded`, for channels that carry only the message, such as a close reason. */
export function limitFromMessage(message: string): LimitName | undefined {
  return /\((\w+)\)\.$/.exec(message)?.[1] as LimitName | undefined; // safe: only limitExceeded writes this suffix
}

/**
 * Whether a limit depends on the current load, not on the request: the same request may succeed later. A pattern, because a
 * list would be a part of every page that uses the SDK.
 */
export function isTransientLimit(limit: unknown): boolean {
  return /^(connections|operations|mutations|memory|changesW|waitingA|subscriptionsPerU)/.test(String(limit));
}
