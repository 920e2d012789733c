/* oxlint-disable import/no-unassigned-import -- each module adds its types to the builder */
import { builder } from "./builder.js";
import "./types/scalars.js";
import { withStrictIds } from "./types/id.js";
import "./operations/queries.js";
import "./operations/mutations.js";
import "./operations/subscriptions.js";

export const schema = withStrictIds(builder.toSchema());
