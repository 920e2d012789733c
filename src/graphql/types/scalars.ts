import { Kind, print, type ValueNode } from "graphql";
import { formatPosition, parsePosition, type Position } from "../../protocol/position.js";
import { badUserInput, truncateText, type TidemarkError } from "../../protocol/tidemark-error.js";
import { builder } from "../builder.js";

/** Invalid input throws a TidemarkError, which graphql-js keeps as the `originalError` of its own error. */
builder.scalarType("DateTime", {
  description: "An instant: RFC 3339, in UTC, with milliseconds.",
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc3339",
  serialize: (instant) => new Date(instant).toISOString(),
  parseValue: () => {
    throw badUserInput("DateTime can't be used as an input.");
  },
});

builder.scalarType("SafeInt", {
  description:
    "A whole number from 0 to 2^53 - 1, as a JSON number, because volumes can exceed Int. If a change would make a sum in the tree exceed the maximum, it is rejected with LIMIT_EXCEEDED and the limit `safeIntegerMax`.",
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
  serialize: (number) => number,
  parseValue: safeInt,
  parseLiteral: safeIntOfLiteral,
});

builder.scalarType("Position", {
  description: `A point in the order of a database's changes, as an opaque string. Pass any position that you received as \`after\`; any other string fails with BAD_USER_INPUT. A position belongs to one epoch of one database. It does not record what you requested: if you request more than before (a wider filter, more rights), omit \`after\`. For example "k3J9wQx-T_bA.1042".`,
  serialize: (position) => formatPosition(position),
  parseValue: positionOf,
});

/** Returns 0 for -0, which is the same number. */
function safeInt(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value) + 0;
  throw notSafe(shown(value));
}

/** Like the built-in Int: only the notation of whole numbers, neither `1.0` nor `1e3`. */
function safeIntOfLiteral(node: ValueNode): number {
  if (node.kind === Kind.INT) return safeInt(Number(node.value));
  throw notSafe(truncateText(print(node), 40));
}

function notSafe(value: string): TidemarkError {
  return badUserInput(`Expected a whole number from 0 to 9007199254740991 (2^53 - 1), not ${value}.`);
}

function positionOf(value: unknown): Position {
  if (typeof value === "string") return parsePosition(value);
  throw badUserInput(`Expected a position as a string, not ${shown(value)}.`);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return truncateText(text, 40);
}
