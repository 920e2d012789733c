import SchemaBuilder from "@pothos/core";
import type { Position } from "../protocol/position.js";
import type { OperationContext } from "./context.js";

/**
 * Collects the types of the API: each file in types/ adds its own, and schema.ts makes the schema of them.
 *
 * Ids, cursors and the connection are ours by contract, so there is no plugin. What a resolver gives is never
 * null unless its field says so.
 */
export const builder = new SchemaBuilder<{
  Context: OperationContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    /** Milliseconds since 1970; the API takes no instants. */
    DateTime: { Input: never; Output: number };
    SafeInt: { Input: number; Output: number };
    Position: { Input: Position; Output: Position };
  };
}>({ defaultFieldNullability: false });
