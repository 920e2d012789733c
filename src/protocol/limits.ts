/**
 * Law 16: everything has a bound. Here every bound has its name, so that the setting, the error that
 * passing it causes and the test all speak of the same thing. The unit is in the name or in its docstring;
 * a bound is the largest value that is still accepted.
 */

/** The bounds that a server keeps. Each is a whole number above 0, or Infinity where it is off, and a setting of its own. */
export interface Limits {
  /** Open connections to the server. Default 20,000. */
  readonly connectionsMax: number;
  /** Open connections from one address; of IPv6 from one network of 64 bits. Default off, or 5,000 with rights. */
  readonly connectionsPerAddressMax: number;
  /** Open WebSockets and event streams of one user. Default off, or 5,000 with rights. */
  readonly connectionsPerUserMax: number;
  /** Open subscriptions of one user. Default off, or 10,000 with rights. */
  readonly subscriptionsPerUserMax: number;
  /** Operations that one user asks for in a second. Default off, or 2,000 with rights. */
  readonly operationsPerSecondMax: number;
  /** Mutations among them. Default off, or 1,000 with rights. */
  readonly mutationsPerSecondMax: number;
  /** Subscriptions that are open at the same time on one WebSocket. Default 100. */
  readonly subscriptionsPerSocketMax: number;
  /** Messages that one WebSocket sends in a second. Default off, or 1,000 with rights. */
  readonly messagesPerSecondMax: number;
  /** Bytes written to a WebSocket that its reader has not taken yet; above it the subscriber is behind. Default 1 MiB. */
  readonly waitingBytesPerSocketMax: number;

  /** Bytes of a GraphQL document. Default 20,000. */
  readonly documentBytesMax: number;
  /** Lexical tokens of a GraphQL document. Default 1,000. */
  readonly documentTokensMax: number;
  /** Levels of nested fields in a GraphQL document. Default 14. */
  readonly documentDepthMax: number;
  /** Aliased fields in a GraphQL document. Default 30. */
  readonly documentAliasesMax: number;
  /** Directives in a GraphQL document. Default 20. */
  readonly documentDirectivesMax: number;
  /** Fields that an answer would have if all pages that the document asks for were full. Default 200,000. */
  readonly queryCostMax: number;
  /** Levels of nesting in the variables, checked before they are coerced; a tree of 32 levels needs about 100. Default 128. */
  readonly variablesDepthMax: number;
  /** Bytes of an HTTP body. Default 1,000,000. */
  readonly bodyBytesMax: number;
  /** Bytes of one WebSocket message that a client sends. Default 256,000. */
  readonly messageBytesMax: number;

  /** Inputs of one `updateTasks`. Default 1,000. */
  readonly inputsPerRequestMax: number;
  /** Task updates in one input of `updateTasks`. Default 100. */
  readonly updatesPerInputMax: number;
  /** Log lines in one input of `updateTasks`. Default 100. */
  readonly logLinesPerInputMax: number;

  /** Tasks of one tree. Default 10,000. */
  readonly tasksPerTreeMax: number;
  /** Levels of one tree, the root being the first. Default 32. */
  readonly levelsPerTreeMax: number;
  /** Jobs of one database; for one more, the one that ended longest ago goes. Default 100,000. */
  readonly jobsPerDatabaseMax: number;
  /** Databases of one server. Default 1,000. */
  readonly databasesMax: number;
  /** Changes of one database that wait to be written. Default 100,000. */
  readonly changesWaitingMax: number;

  /** Items of one page of a connection. Default 100. */
  readonly pageSizeMax: number;
  /** Items of a page whose size is not given; at most `pageSizeMax`. Default 50. */
  readonly pageSizeDefault: number;
  /** Ids of one `nodes`. Default 100. */
  readonly nodesPerRequestMax: number;
  /** Rows of one `listProgress` (its `first`). Default 10,000. */
  readonly rowsMax: number;
  /** Tasks, rows and log entries that one answer, or one event, lists in all. Default 20,000. */
  readonly itemsPerAnswerMax: number;

  /** Bytes (UTF-8) of a name: database, user, job id. Default 128. */
  readonly nameBytesMax: number;
  /** Bytes (UTF-8) of a task's description. Default 256. */
  readonly descriptionBytesMax: number;
  /** Bytes (UTF-8) of a message text: a log line, the reason of a failure. Default 4,096. */
  readonly messageTextBytesMax: number;

  /** Log lines that are kept for a job; the oldest go first. Default 200. */
  readonly logLinesPerJobMax: number;
  /** Request ids that are remembered for an attempt, so that a repeated report counts once. Default 64. */
  readonly requestIdsPerAttemptMax: number;
  /** Removals that are kept for a database; the newest one dropped is the floor of its history. Default 10,000. */
  readonly removalsKeptMax: number;
}

/** The bounds of a server that serves everybody and was told nothing else. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  connectionsMax: 20_000,
  connectionsPerAddressMax: Infinity,
  connectionsPerUserMax: Infinity,
  subscriptionsPerUserMax: Infinity,
  operationsPerSecondMax: Infinity,
  mutationsPerSecondMax: Infinity,
  subscriptionsPerSocketMax: 100,
  messagesPerSecondMax: Infinity,
  waitingBytesPerSocketMax: 1024 * 1024,

  documentBytesMax: 20_000,
  documentTokensMax: 1_000,
  documentDepthMax: 14,
  documentAliasesMax: 30,
  documentDirectivesMax: 20,
  queryCostMax: 200_000,
  variablesDepthMax: 128,
  bodyBytesMax: 1_000_000,
  messageBytesMax: 256_000,

  inputsPerRequestMax: 1_000,
  updatesPerInputMax: 100,
  logLinesPerInputMax: 100,

  tasksPerTreeMax: 10_000,
  levelsPerTreeMax: 32,
  jobsPerDatabaseMax: 100_000,
  databasesMax: 1_000,
  changesWaitingMax: 100_000,

  pageSizeMax: 100,
  pageSizeDefault: 50,
  nodesPerRequestMax: 100,
  rowsMax: 10_000,
  itemsPerAnswerMax: 20_000,

  nameBytesMax: 128,
  descriptionBytesMax: 256,
  messageTextBytesMax: 4_096,

  logLinesPerJobMax: 200,
  requestIdsPerAttemptMax: 64,
  removalsKeptMax: 10_000,
});

/** The same where it is known who asks: then there are users, whom one can hold to something. */
export const DEFAULT_LIMITS_WITH_RIGHTS: Limits = Object.freeze({
  ...DEFAULT_LIMITS,
  connectionsPerAddressMax: 5_000,
  connectionsPerUserMax: 5_000,
  subscriptionsPerUserMax: 10_000,
  operationsPerSecondMax: 2_000,
  mutationsPerSecondMax: 1_000,
  messagesPerSecondMax: 1_000,
});
