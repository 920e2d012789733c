import type { Limits } from "../protocol/limits.js";
import { badUserInput } from "../protocol/tidemark-error.js";

/**
 * The texts that people and programs give things. Names are compared after Unicode normalisation (NFC), so
 * that the same word typed on two keyboards is one name; database names also lower-cased, as in GDS.
 * `__proto__` is a name like any other: names are only ever keys of a Map.
 */
export type DatabaseName = string & { readonly [kind]: "DatabaseName" };
/** As it was given, in NFC. */
export type Username = string & { readonly [kind]: "Username" };
/** As it was given, in NFC. */
export type JobId = string & { readonly [kind]: "JobId" };

declare const kind: unique symbol;

/** Under which a user's job is stored in a database. */
export interface JobKey {
  readonly username: Username;
  readonly jobId: JobId;
}

/** Who reports where no identity is asked for. */
export const ANONYMOUS = "anonymous" as Username;

/** The database with this name. @throws TidemarkError BAD_USER_INPUT */
export function parseDatabaseName(text: string, limits: Limits): DatabaseName {
  return parseName("database", text.toLowerCase(), limits) as DatabaseName;
}

/** The user with this name. @throws TidemarkError BAD_USER_INPUT */
export function parseUsername(text: string, limits: Limits): Username {
  return parseName("username", text, limits) as Username;
}

/** A blank job id is none, as in GDS. @throws TidemarkError BAD_USER_INPUT */
export function parseJobId(text: string, limits: Limits): JobId {
  const jobId = parseName("jobId", text, limits);
  if (jobId.trim() === "") throw badUserInput(BLANK_JOB_ID);
  return jobId as JobId;
}

/** @throws TidemarkError BAD_USER_INPUT */
export function parseRequestId(text: string, limits: Limits): string {
  return parseName("requestId", text, limits);
}

/** A task's description: 1 to `descriptionBytesMax` bytes, no control characters. */
export function parseDescription(text: string, limits: Limits): string {
  return parseText("description", text, "descriptionBytesMax", limits);
}

/**
 * A message: up to `messageTextBytesMax` bytes. Any character may be in it, a stack trace with colours too:
 * whoever shows it makes it harmless.
 */
export function parseMessage(text: string, limits: Limits): string {
  const message = text.toWellFormed();
  const bytes = Buffer.byteLength(message);
  if (bytes <= limits.messageTextBytesMax) return message;
  throw badUserInput(
    `The message has ${bytes} bytes; the limit is ${limits.messageTextBytesMax} (messageTextBytesMax). Shorten it.`,
  );
}

const BLANK_JOB_ID = "The jobId is blank. Give one, or leave it out when storing: a new one is made then.";

function parseName(field: string, text: string, limits: Limits): string {
  return parseText(field, text, "nameBytesMax", limits);
}

function parseText(field: string, text: string, limit: keyof Limits, limits: Limits): string {
  if (text.length <= limits[limit] && PLAIN.test(text)) return text;
  const name = text.normalize("NFC");
  const fault = faultOf(name, limits[limit]);
  if (fault === undefined) return name;
  throw badUserInput(
    `The ${field} ${fault}. Give 1 to ${limits[limit]} bytes (${limit}) of text without control characters.`,
  );
}

function faultOf(name: string, bytesMax: number): string | undefined {
  if (name === "") return "is empty";
  const bytes = Buffer.byteLength(name);
  if (bytes > bytesMax) return `has ${bytes} bytes`;
  if (CONTROL_CHARACTER.test(name)) return "has a control character in it";
  return name.isWellFormed() ? undefined : "is no well-formed Unicode";
}

/** Printable ASCII, which nearly all names are: as many bytes as characters, and in its normal form. */
const PLAIN = /^[ -~]+$/;

/** What no name may have in it. */
export const CONTROL_CHARACTER = /\p{Cc}/u;
