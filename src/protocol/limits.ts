/**
 * Law 16: everything has a bound. Each bound has one name here, which its setting, its error and its test share.
 * A bound is the largest accepted value. `config/limit-settings.ts` says what each one bounds.
 */
import { CLIENT_LIMITS } from "./client-limits.js";

/** The bounds of a server: whole numbers above 0, or Infinity where a bound is off. */
export type Limits = { readonly [Name in keyof typeof DEFAULTS]: number };

const DEFAULTS = {
  connectionsMax: 20_000,
  connectionsPerAddressMax: Infinity,
  connectionsPerUserMax: Infinity,
  subscriptionsPerUserMax: Infinity,
  operationsPerSecondMax: Infinity,
  mutationsPerSecondMax: Infinity,
  subscriptionsPerSocketMax: 100,
  messagesPerSecondMax: Infinity,
  waitingBytesPerSocketMax: 1024 * 1024,
  waitingAnswerBytesMax: 32 * 1024 * 1024,

  documentBytesMax: 20_000,
  documentTokensMax: 1_000,
  documentDepthMax: 14,
  documentAliasesMax: 30,
  documentDirectivesMax: 20,
  queryCostMax: CLIENT_LIMITS.queryCostMax,
  /** Checked before the variables are coerced. A tree of 32 levels needs about 100. */
  variablesDepthMax: 128,
  bodyBytesMax: CLIENT_LIMITS.bodyBytesMax,
  messageBytesMax: 256_000,

  inputsPerRequestMax: CLIENT_LIMITS.inputsPerRequestMax,
  updatesPerInputMax: CLIENT_LIMITS.updatesPerInputMax,
  logLinesPerInputMax: CLIENT_LIMITS.logLinesPerInputMax,

  tasksPerTreeMax: CLIENT_LIMITS.tasksPerTreeMax,
  /** The root is the first level. */
  levelsPerTreeMax: CLIENT_LIMITS.levelsPerTreeMax,
  jobsPerDatabaseMax: 100_000,
  databasesMax: 1_000,
  databasesPerUserMax: Infinity,
  databasesOpenMax: 200,
  changesWaitingMax: 100_000,
  /** Estimated bytes of the heap, as below. A server derives the default of `memoryMax` from its heap. */
  memoryMax: Infinity,
  memoryPerDatabaseMax: Infinity,
  memoryPerUserMax: Infinity,

  pageSizeMax: 100,
  pageSizeDefault: 50,
  nodesPerRequestMax: 100,
  rowsMax: 10_000,
  itemsPerAnswerMax: 50_000,

  sharesPerUserMax: 1_000,

  /** Bytes of UTF-8, here and below. */
  nameBytesMax: 128,
  descriptionBytesMax: CLIENT_LIMITS.descriptionBytesMax,
  messageTextBytesMax: CLIENT_LIMITS.messageTextBytesMax,

  logLinesPerJobMax: CLIENT_LIMITS.logLinesPerJobMax,
  requestIdsPerAttemptMax: CLIENT_LIMITS.requestIdsPerAttemptMax,
  /** The newest removal that is dropped becomes the tombstone horizon of the database. */
  removalsKeptMax: 10_000,
};

/** The bounds of a server without authentication, unless its operator sets others. */
export const DEFAULT_LIMITS: Limits = Object.freeze(DEFAULTS);

/** The limits that are on, by name, in a form that JSON can hold: it has no Infinity. */
export function limitsInForce(limits: Limits): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => Number.isFinite(value)));
}
