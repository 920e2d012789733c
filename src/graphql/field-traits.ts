import type { GraphQLField } from "graphql";
import type { Limits } from "../protocol/limits.js";
import type { AnswerSize } from "./answer-size.js";

/**
 * The traits of a field that are known before it is resolved. A mutation and a subscription check them for their whole
 * selection before anything happens. Fields declare them as their `extensions`.
 */
export interface FieldTraits<Args = never> {
  /** The resolver calls it too. @throws TidemarkError if an argument is out of bounds. */
  readonly checkArguments?: (args: Args, limits: Limits) => void;
  /** The items that the field lists. @param below those of its selection, for one task or job. */
  readonly answerSize?: (below: AnswerSize, args: Args) => AnswerSize;
}

/** Returns the traits as the `extensions` of a field. */
export function traits<Args>(declared: FieldTraits<Args>): { readonly extensions: { traits: object } } {
  return { extensions: { traits: declared } };
}

/** The traits that a field has declared. Its arguments must have been coerced by its own types. */
export function traitsOf({ extensions }: GraphQLField<unknown, unknown>): FieldTraits<object> {
  return (extensions["traits"] ?? {}) as FieldTraits<object>; // safe: only `traits` sets it
}
