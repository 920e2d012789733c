/**
 * Content negotiation (RFC 9110, section 12.5.1) for GraphQL: an `Accept` header decides in which type a result is
 * written, and whether a subscription can be opened. Types are case-insensitive, and `q=0` is a refusal.
 */
export interface AnswerTypes {
  /** The type for one result. */
  readonly result: AnswerType;
  /** Whether the client accepts server-sent events, which subscriptions require. `*\/*` does not ask for them. */
  readonly acceptsEvents: boolean;
}

export type AnswerType = typeof JSON_TYPE | typeof GRAPHQL_TYPE | typeof EVENT_STREAM_TYPE;

export const JSON_TYPE = "application/json";
export const GRAPHQL_TYPE = "application/graphql-response+json";
export const EVENT_STREAM_TYPE = "text/event-stream";

/** Negotiates the types of an answer; undefined if the client accepts none that the server can write. */
export function negotiateAnswer(accept: string | undefined): AnswerTypes | undefined {
  return COMMON.get(accept || "*/*") ?? negotiate(accept!);
}

function negotiate(accept: string): AnswerTypes | undefined {
  const ranges = rangesOf(accept);
  const offers = TYPES.map((type) => offerOf(type, ranges)).filter(({ weight }) => weight > 0);
  const [best] = offers.toSorted((a, b) => b.weight - a.weight || a.position - b.position);
  if (!best) return undefined;
  const acceptsEvents = offers.some(({ type, isNamed }) => type === EVENT_STREAM_TYPE && isNamed);
  return { result: best.type, acceptsEvents };
}

/** How much the client wants a type: by the most specific range that matches, as RFC 9110 requires. */
function offerOf(type: AnswerType, ranges: readonly MediaRange[]): Offer {
  const [group] = type.split("/");
  const matching = [type, `${group}/*`, "*/*"].map((range) => ranges.find(({ name }) => name === range));
  const range = matching.find((found) => found !== undefined);
  return { type, weight: range?.weight ?? 0, position: range?.position ?? 0, isNamed: range?.name !== "*/*" };
}

function rangesOf(accept: string): MediaRange[] {
  return accept.split(",").map((entry, position) => {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    const isDecodable = parameters.every((parameter) => !FOREIGN_CHARSET.test(parameter));
    return { name, position, weight: isDecodable ? weightOf(parameters) : 0 };
  });
}

/** An invalid weight counts as 1. */
function weightOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => WEIGHT.test(parameter)) ?? "";
  return Number(WEIGHT.exec(text)?.[1] ?? 1);
}

interface MediaRange {
  readonly name: string;
  readonly position: number;
  /** From 0, a refusal, to 1. */
  readonly weight: number;
}

interface Offer {
  readonly type: AnswerType;
  readonly weight: number;
  readonly position: number;
  /** Whether the header names the type, or its group. */
  readonly isNamed: boolean;
}

const WEIGHT = /^q\s*=\s*(0(?:\.\d*)?|1(?:\.0*)?)$/;

/** All answers are UTF-8. */
const FOREIGN_CHARSET = /^charset\s*=(?!\s*"?utf-?8"?$)/;

/** In the order of preference where the client has none. */
const TYPES = [JSON_TYPE, GRAPHQL_TYPE, EVENT_STREAM_TYPE] as const;

/** The headers of most clients, so that their requests cost no parsing. */
const COMMON: ReadonlyMap<string, AnswerTypes | undefined> = new Map(
  ["*/*", JSON_TYPE, `${JSON_TYPE}, text/plain, */*`, GRAPHQL_TYPE, EVENT_STREAM_TYPE]
    .concat(`${GRAPHQL_TYPE}, ${JSON_TYPE}`, `${GRAPHQL_TYPE},${JSON_TYPE};q=0.9`)
    .map((accept) => [accept, negotiate(accept)]),
);
