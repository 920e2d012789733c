import SchemaBuilder from "@pothos/core";
import type { Position } from "../protocol/position.js";
import type { OperationContext } from "./context.js";

/**
 * Collects the types of the API: each file in types/ and operations/ adds its own, and schema.ts builds the schema.
 *
 * The contract defines ids, cursors and the connection, so no Pothos plugin is used. Fields are non-null unless
 * they say otherwise.
 */
export const builder = new SchemaBuilder<{
  Context: OperationContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    /** Milliseconds since 1970; output only. */
    DateTime: { Input: never; Output: number };
    SafeInt: { Input: number; Output: number };
    Position: { Input: Position; Output: Position };
  };
}>({ defaultFieldNullability: false });
