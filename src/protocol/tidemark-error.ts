import type { ErrorCode } from "./error-codes.js";
import type { Limits } from "./limits.js";

/** What a client finds in `extensions` of a GraphQL error. */
export interface ErrorExtensions {
  readonly code: ErrorCode;
  /** With LIMIT_EXCEEDED: the setting whose bound was passed. */
  readonly limit?: keyof Limits;
  /** With a rate: when to come again, milliseconds from now. */
  readonly retryAfterMs?: number;
}

interface TidemarkErrorOptions {
  readonly cause?: unknown;
  readonly limit?: keyof Limits;
  readonly retryAfterMs?: number;
}

/**
 * An expected failure: the message tells a person what was wrong, with the value, and what to do; the code
 * tells a program. graphql-js copies `extensions` into the error that it sends.
 */
export class TidemarkError extends Error {
  /** Always the same, for logs. */
  override readonly name = "TidemarkError";
  /** The code, and what else a program may want to know. */
  readonly extensions: ErrorExtensions;

  /** @param message is cut where it is longer than 600 characters. */
  constructor(code: ErrorCode, message: string, options: TidemarkErrorOptions = {}) {
    super(truncateText(message), "cause" in options ? { cause: options.cause } : undefined);
    const { limit, retryAfterMs } = options;
    this.extensions = { code, ...(limit && { limit }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  /** What was wrong, for programs: one of `ERROR_CODES`. */
  get code(): ErrorCode {
    return this.extensions.code;
  }
}

/** BAD_USER_INPUT: `message` says what does not mean anything, and what would. */
export function badUserInput(message: string): TidemarkError {
  return new TidemarkError("BAD_USER_INPUT", message);
}

/** UNAVAILABLE: `message` says what can't be done now. */
export function unavailable(message: string, cause?: unknown): TidemarkError {
  return new TidemarkError("UNAVAILABLE", message, { cause });
}

/** A message tells the beginning of a value, and has an end itself: an answer is short, however large the request was. */
export function truncateText(text: string, lengthMax = MESSAGE_LENGTH_MAX): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}

const MESSAGE_LENGTH_MAX = 600;

/** LIMIT_EXCEEDED, naming what was passed, by how much, and the setting that moves the bound. */
export function limitExceeded(
  limit: keyof Limits,
  what: string,
  bound: number,
  options: Omit<TidemarkErrorOptions, "limit"> = {},
): TidemarkError {
  return new TidemarkError("LIMIT_EXCEEDED", `${what}; the limit is ${bound} (${limit}).`, {
    ...options,
    limit,
  });
}

/** The limit that the message of `limitExceeded` names, for where a program is told nothing but the message. */
export function limitFromMessage(message: string): keyof Limits | undefined {
  return /\((\w+)\)\.$/.exec(message)?.[1] as keyof Limits | undefined; // safe: with LIMIT_EXCEEDED nothing else stands there
}
