/* oxlint-disable import/no-unassigned-import -- each of these adds its types to the builder */
import { builder } from "./builder.js";
import "./types/scalars.js";
import "./operations/queries.js";
import "./operations/mutations.js";
import "./operations/subscriptions.js";

/** The API. schema/schema.graphql is printed from it and committed. */
export const schema = builder.toSchema();
