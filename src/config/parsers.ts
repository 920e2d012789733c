/**
 * Parsers for the values of settings. Flags and variables are text; the config file may also hold JSON numbers and
 * booleans. The message of each failure is the rule that the value breaks: "expected on or off".
 */
import { z } from "zod";
import { isSafeUrl, parseAuthSpec, type AuthSpec } from "../auth/auth-spec.js";
import type { Targets } from "../auth/claim-mapping.js";
import { parseDurations, type DatabaseDurations } from "../tasks/retention.js";
import { parseDuration } from "../util/duration.js";

/** Stands for a limit that is off. */
export const OFF = "off";
/** Stands for a limit that the server derives. */
export const AUTO = "auto";
/** Stands for an empty list or text. */
export const NONE = "none";

export function text(pattern: RegExp, error: string): z.ZodType<string> {
  return z.string({ error }).regex(pattern, { error });
}

/** Reads "none" as the empty text. */
export function textOrNone(error: string): z.ZodType<string> {
  return z.string({ error }).transform((input) => (input === NONE ? "" : input));
}

export function onOrOff(): z.ZodType<boolean> {
  const words = z.stringbool({ truthy: ["on", "true"], falsy: [OFF, "false"] });
  return z.union([z.boolean(), words], { error: "expected on or off" });
}

export function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T> {
  return z.enum(words, { error: `expected one of ${words.join(", ")}` });
}

export function wholeNumber(
  min: number,
  max: number,
  error = `expected a whole number from ${min} to ${max}`,
): z.ZodType<number> {
  return z.preprocess(numberOfDigits, z.int({ error }).min(min, { error }).max(max, { error }));
}

export function limit(): z.ZodType<number> {
  return wholeNumber(1, Number.MAX_SAFE_INTEGER, "expected a whole number above 0");
}

/** Reads "off" as Infinity. */
export function limitOrOff(): z.ZodType<number> {
  const error = "expected a whole number above 0, or off";
  return z.union([z.literal(OFF).transform(() => Infinity), wholeNumber(1, Number.MAX_SAFE_INTEGER, error)], {
    error,
  });
}

/** Reads "auto" as what `derive` returns. */
export function limitOrAuto(derive: () => number): z.ZodType<number> {
  const error = "expected a whole number above 0, or auto";
  const number = wholeNumber(1, Number.MAX_SAFE_INTEGER, error);
  return z.union([z.literal(AUTO).transform(() => derive()), number], { error });
}

export function duration(min: string, max: string): z.ZodType<number> {
  const error = `expected a duration such as 1h30m, from ${min} to ${max}`;
  return z
    .string({ error })
    .transform(transformation(parseDuration, (fault) => `expected a duration, but ${messageOf(fault)}`))
    .pipe(z.number().min(parseDuration(min), { error }).max(parseDuration(max), { error }));
}

/**
 * Durations by database.
 * @param otherwise the duration if the text has none without a pattern
 */
export function durations(otherwise: string): z.ZodType<DatabaseDurations> {
  const error = "expected durations such as 24h or 24h,staging-*=1h, from 0s to 3650d";
  const parse = (input: string): DatabaseDurations => parseDurations(input, otherwise);
  return z.string({ error }).transform(transformation(parse, (fault) => `${error}, but ${messageOf(fault)}`));
}

export function authSpec(): z.ZodType<AuthSpec> {
  const error =
    "expected none, tokens:FILE, jwt:env:VARIABLE, jwt:secret:FILE, jwt:key:FILE, jwt:jwks:FILE, jwt:URL with https, or oidc";
  return z
    .string({ error })
    .transform(parseAuthSpec)
    .pipe(z.custom<AuthSpec>((spec) => spec !== undefined, { error }))
    .readonly();
}

/** Reads "none" as the empty text. */
export function openIdIssuer(): z.ZodType<string> {
  const error =
    "expected the https address of an OpenID provider, such as https://login.example.com, or none";
  return textOrNone(error).refine(isIssuerOrEmpty, { error });
}

function isIssuerOrEmpty(input: string): boolean {
  return input === "" || (isSafeUrl(input) && !/[?#]/.test(input));
}

/** The name of a claim, or a path to one in an object: `realm_access.roles`. */
export function claim(): z.ZodType<string> {
  return text(/^\S+$/, "expected the name of a claim, such as sub or realm_access.roles");
}

/** Reads `value=target,…`; "none" as undefined. @param parse throws for an invalid target */
export function targets<T>(
  parse: (target: string) => T,
  expected: string,
): z.ZodType<Targets<T> | undefined> {
  const error = `expected ${expected}, or none`;
  const parseOne = (entry: string): Targets<T>[number] => {
    const at = entry.lastIndexOf("=");
    if (at < 1) throw new RangeError(`${JSON.stringify(entry)} has no value and target`);
    return { value: entry.slice(0, at).trim(), target: parse(entry.slice(at + 1).trim()) };
  };
  const parseAll = (input: string): Targets<T> | undefined =>
    input === NONE ? undefined : input.split(",").map(parseOne);
  return z
    .string({ error })
    .transform(transformation(parseAll, (fault) => `${error}, but ${messageOf(fault)}`));
}

/** Reads "auto" as undefined. */
export function algorithms(): z.ZodType<readonly string[] | undefined> {
  return z
    .string({ error: "expected names of algorithms, such as RS256,ES256, or auto" })
    .transform((input) => (input === AUTO ? undefined : input.split(",").map((name) => name.trim())));
}

/** The message of an error on one line; the JSON parser quotes the lines of its input. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ");
}

/** Names separated by commas, or none. `read` throws for an invalid name. */
export function list(read: (name: string) => string, error: string): z.ZodType<readonly string[]> {
  const parse = (input: string): string[] =>
    input === NONE ? [] : input.split(",").map((name) => read(name.trim()));
  return z.string({ error }).transform(transformation(parse, () => error));
}

/** Turns a function that throws into a transformation that reports an issue. */
function transformation<T>(parse: (input: string) => T, errorOf: (fault: unknown) => string) {
  return (input: string, context: z.RefinementCtx): T => {
    try {
      return parse(input);
    } catch (fault) {
      context.addIssue({ code: "custom", message: errorOf(fault) });
      return z.NEVER;
    }
  };
}

function numberOfDigits(value: unknown): unknown {
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
}
