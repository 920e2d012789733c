import { formatPosition, parsePosition, type Position } from "../../protocol/position.js";
import { badUserInput, truncateText } from "../../protocol/tidemark-error.js";
import { builder } from "../builder.js";

/**
 * How instants, large numbers and positions are written. What is refused is a TidemarkError; graphql-js
 * keeps it as the `originalError` of its own.
 */
builder.scalarType("DateTime", {
  description: "An instant: RFC 3339, in UTC, with milliseconds.",
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc3339",
  serialize: (instant) => new Date(instant).toISOString(),
  parseValue: () => {
    throw badUserInput("A DateTime is only ever given out, never taken.");
  },
});

builder.scalarType("SafeInt", {
  description:
    "A whole number from 0 to 2^53 - 1, as a JSON number: volumes of work outgrow Int. A change after which a sum in the tree would pass it is refused with LIMIT_EXCEEDED.",
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
  serialize: (number) => number,
  parseValue: safeInt,
});

builder.scalarType("Position", {
  description: `Where a reader stands in the order of a database's changes; opaque text. Any position that you were given can be handed back in \`after\`; what never was one is BAD_USER_INPUT. An epoch, and so a position, belongs to one database. A position says when, not what: whoever asks for more than before (a wider filter, more rights) leaves \`after\` out. For example "k3J9wQx-T_bA.1042".`,
  serialize: (position) => formatPosition(position),
  parseValue: positionOf,
});

const SAFE_INT_RANGE = "a whole number from 0 to 9007199254740991 (2^53 - 1)";

function safeInt(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw badUserInput(`Give ${SAFE_INT_RANGE}; ${shown(value)} is not one.`);
}

function positionOf(value: unknown): Position {
  if (typeof value === "string") return parsePosition(value);
  throw badUserInput(`A position is a text; ${shown(value)} is not one.`);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return truncateText(text, 40);
}
