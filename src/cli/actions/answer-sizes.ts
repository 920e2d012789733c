/** How much one answer may hold, so that a command works with the limits of any server. */
import { ServerLimitsDocument } from "../../client/generated/graphql.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { DEFAULT_LIMITS, type Limits } from "../../protocol/limits.js";
import type { ServerConnection } from "./connect-to.js";

/** The limits of the server. For an older server, which does not publish them, the defaults. */
export async function limitsOf(connection: ServerConnection): Promise<Limits> {
  try {
    const { server } = await connection.request(ServerLimitsDocument, {});
    return {
      ...DEFAULT_LIMITS,
      ...Object.fromEntries(server.limits.map(({ name, value }) => [name, value])),
    };
  } catch (error) {
    if (error instanceof TidemarkError && error.code === "BAD_USER_INPUT") return DEFAULT_LIMITS;
    throw error;
  }
}

/** The size of a page: at most `wanted` items, and at least one. */
export function pageSize(document: object, { pageSizeMax, queryCostMax }: Limits, wanted: number): number {
  return Math.max(1, Math.min(wanted, pageSizeMax, Math.floor((queryCostMax - 1) / fieldsMax(document))));
}

/** The number of log lines to show: all that the server keeps, as far as one answer can hold them. */
export function logLineCount(document: object, { logLinesPerJobMax, queryCostMax }: Limits): number {
  const fieldsLeft = queryCostMax - fieldsMax(document);
  return Math.max(1, Math.min(logLinesPerJobMax, Math.floor(fieldsLeft / FIELDS_PER_LINE)));
}

const FIELDS_PER_LINE = 4;

/** A document has at least as many words as it selects fields for one item. */
function fieldsMax(document: object): number {
  return String(document).match(/\w+/g)?.length ?? 1;
}
