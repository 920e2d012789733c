import type { Limits } from "../protocol/limits.js";
import { badUserInput } from "../protocol/tidemark-error.js";

/**
 * Names of databases, users and jobs. Names are compared after Unicode normalization (NFC), so that the same
 * word typed on two keyboards is one name. Database names are also lower-cased, as in GDS. `__proto__` is an
 * ordinary name: names are only ever keys of a Map.
 */
export type DatabaseName = string & { readonly [kind]: "DatabaseName" };
/** In NFC, otherwise as given. */
export type Username = string & { readonly [kind]: "Username" };
/** In NFC, otherwise as given. */
export type JobId = string & { readonly [kind]: "JobId" };

declare const kind: unique symbol;

/** The key of a job in its database. */
export interface JobKey {
  readonly username: Username;
  readonly jobId: JobId;
}

/** The user of requests to a server without authentication. */
export const ANONYMOUS = "anonymous" as Username;

/** Parses a database name. @throws TidemarkError BAD_USER_INPUT */
export function parseDatabaseName(text: string, limits: Limits): DatabaseName {
  return parseName("database name", text.toLowerCase(), limits) as DatabaseName;
}

/** Parses a username. @throws TidemarkError BAD_USER_INPUT */
export function parseUsername(text: string, limits: Limits): Username {
  return parseName("username", text, limits) as Username;
}

/** Parses a job id. A blank one is invalid, as in GDS. @throws TidemarkError BAD_USER_INPUT */
export function parseJobId(text: string, limits: Limits): JobId {
  const jobId = parseName("jobId", text, limits);
  if (jobId.trim() === "") throw badUserInput(BLANK_JOB_ID);
  return jobId as JobId;
}

/** @throws TidemarkError BAD_USER_INPUT */
export function parseRequestId(text: string, limits: Limits): string {
  return parseName("requestId", text, limits);
}

/** Parses a task's description: 1 to `descriptionBytesMax` bytes, without control characters. */
export function parseDescription(text: string, limits: Limits): string {
  return parseText("description", text, "descriptionBytesMax", limits);
}

/**
 * Parses a message of up to `messageTextBytesMax` bytes. It may contain any character, such as the color codes of a
 * stack trace, so programs that display it must sanitize it.
 */
export function parseMessage(text: string, limits: Limits): string {
  if (!text.isWellFormed())
    throw badUserInput("The message is not well-formed Unicode: it has half of a surrogate pair. Remove it.");
  const bytes = Buffer.byteLength(text);
  if (bytes <= limits.messageTextBytesMax) return text;
  throw badUserInput(
    `The message has ${bytes} bytes; the limit is ${limits.messageTextBytesMax} (messageTextBytesMax). Shorten it.`,
    "messageTextBytesMax",
  );
}

const BLANK_JOB_ID =
  "The jobId is blank. Pass a jobId, or omit it when you store a job: the server then creates one.";

function parseName(field: string, text: string, limits: Limits): string {
  return parseText(field, text, "nameBytesMax", limits);
}

function parseText(field: string, text: string, limit: keyof Limits, limits: Limits): string {
  if (text.length <= limits[limit] && PLAIN.test(text)) return text;
  const name = text.normalize("NFC");
  const fault = faultOf(name, limits[limit]);
  if (fault === undefined) return name;
  throw badUserInput(
    `The ${field} ${fault}. Pass 1 to ${limits[limit]} bytes (${limit}) of text without control characters.`,
    Buffer.byteLength(name) > limits[limit] ? limit : undefined,
  );
}

function faultOf(name: string, bytesMax: number): string | undefined {
  if (name === "") return "is empty";
  const bytes = Buffer.byteLength(name);
  if (bytes > bytesMax) return `has ${bytes} bytes`;
  if (CONTROL_CHARACTER.test(name)) return "contains a control character";
  return name.isWellFormed() ? undefined : "is not well-formed Unicode";
}

/** Printable ASCII, which covers nearly all names: one byte per character, and already in NFC. */
const PLAIN = /^[ -~]+$/;

export const CONTROL_CHARACTER = /\p{Cc}/u;
