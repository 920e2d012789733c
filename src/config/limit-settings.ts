import { DEFAULT_LIMITS, type Limits } from "../protocol/limits.js";
import { memoryMaxOfHeap } from "./heap-share.js";
import { AUTO, limit, limitOrAuto, limitOrOff, OFF } from "./parsers.js";
import { defineGroup, type Definition } from "./setting.js";

/**
 * The unit and the help of each limit. The third entry is the default on a server that authenticates its clients, and so
 * can bound each user; every other default is in `protocol/limits.ts`. Several servers on one store each count what is theirs,
 * unless the help says otherwise.
 */
const DESCRIPTIONS: Record<keyof Limits, readonly [unit: string, help: string, withAuth?: number]> = {
  connectionsMax: ["connections", "Open connections to the server"],
  connectionsPerAddressMax: [
    "connections",
    "Open connections from one address, or from one IPv6 network (/64)",
    5_000,
  ],
  connectionsPerUserMax: ["connections", "Open WebSockets and event streams of one user", 5_000],
  subscriptionsPerUserMax: ["subscriptions", "Open subscriptions of one user", 10_000],
  operationsPerSecondMax: ["operations", "Operations per second of one user", 2_000],
  mutationsPerSecondMax: ["mutations", "Mutations per second of one user", 1_000],
  subscriptionsPerSocketMax: ["subscriptions", "Open subscriptions of one WebSocket"],
  messagesPerSecondMax: ["messages", "Messages per second from one WebSocket", 1_000],
  waitingBytesPerSocketMax: [
    "bytes",
    "Bytes buffered for one WebSocket before the server holds back further events",
  ],
  waitingAnswerBytesMax: [
    "bytes",
    "Bytes of large answers that clients have not read yet; above it, queries that list many items wait for up to 5 s, then fail",
  ],
  documentBytesMax: ["bytes", "Size of a GraphQL document"],
  documentTokensMax: ["tokens", "Tokens in a GraphQL document"],
  documentDepthMax: ["levels", "Levels of nested fields in a GraphQL document"],
  documentAliasesMax: ["aliases", "Aliases in a GraphQL document"],
  documentDirectivesMax: ["directives", "Directives in a GraphQL document"],
  queryCostMax: [
    "fields",
    "Fields in a response if every page it requests were full; a field of introspection counts as 15",
  ],
  variablesDepthMax: ["levels", "Levels of nesting in the variables of a request"],
  bodyBytesMax: ["bytes", "Size of an HTTP body"],
  messageBytesMax: ["bytes", "Size of a WebSocket message from a client"],
  inputsPerRequestMax: ["inputs", "Inputs in one updateTasks"],
  updatesPerInputMax: ["updates", "Task updates in one input"],
  logLinesPerInputMax: ["lines", "Log lines in one input"],
  tasksPerTreeMax: ["tasks", "Tasks in one tree"],
  levelsPerTreeMax: ["levels", "Levels in one tree"],
  jobsPerDatabaseMax: [
    "jobs",
    "Jobs in one database, stored by all servers; when it is full, the job that ended first is evicted",
  ],
  databasesMax: ["databases", "Databases in the store, created by all servers"],
  databasesPerUserMax: [
    "databases",
    "Databases with jobs or remembered removals of one user; a user at the limit cannot create another database",
  ],
  databasesOpenMax: [
    "databases",
    "Open databases; above it, the unused database that was requested least recently is closed",
  ],
  changesWaitingMax: ["changes", "Changes in one database that wait for their write"],
  memoryMax: [
    "bytes",
    "Memory of the jobs in all open databases, as the server estimates it; when it is full, jobs that have ended are evicted, and auto is half of the heap beyond the needs of an idle server, at most 1 GB",
  ],
  memoryPerDatabaseMax: ["bytes", "Memory of the jobs in one database"],
  memoryPerUserMax: ["bytes", "Memory of the jobs of one user in all open databases"],
  pageSizeMax: ["items", "Items on one page"],
  pageSizeDefault: ["items", "Items on a page if the query gives no size; --page-size-max still applies"],
  nodesPerRequestMax: ["ids", "Ids in one nodes query"],
  rowsMax: ["rows", "Rows in one listProgress"],
  itemsPerAnswerMax: ["items", "Tasks, rows and log entries in one response or event"],
  sharesPerUserMax: ["links", "Valid links to shared jobs that one user has created"],
  nameBytesMax: ["bytes", "Size of a name: database, user or job id"],
  descriptionBytesMax: ["bytes", "Size of a task's description"],
  messageTextBytesMax: ["bytes", "Size of a message: a log line or the reason of a failure"],
  logLinesPerJobMax: ["lines", "Log lines kept for one job; the oldest are dropped first"],
  requestIdsPerAttemptMax: ["ids", "Request ids remembered for one attempt, to ignore repeated reports"],
  removalsKeptMax: ["removals", "Removals kept in the history of one database, for watchers that resume"],
};

/** Flags that are not derived from the limit's name. */
const FLAGS: Partial<Record<keyof Limits, string>> = { jobsPerDatabaseMax: "--max-jobs" };

/** A setting for each limit. */
export const LIMIT_SETTINGS = defineGroup("Limits", definitions());

function definitions(): Record<keyof Limits, Definition<number>> {
  // Safe: the record has no other keys.
  const names = Object.keys(DESCRIPTIONS) as (keyof Limits)[];
  return Object.fromEntries(names.map((name) => [name, definition(name)])) as ReturnType<typeof definitions>;
}

function definition(name: keyof Limits): Definition<number> {
  const [unit, help, withAuth] = DESCRIPTIONS[name];
  const bound = DEFAULT_LIMITS[name];
  const syntax = `${FLAGS[name] ?? flagOf(name)} <${unit}>`;
  if (name === "memoryMax") return { syntax, parser: limitOrAuto(memoryMaxOfHeap), default: AUTO, help };
  return {
    syntax,
    parser: bound === Infinity ? limitOrOff() : limit(),
    default: bound === Infinity ? OFF : String(bound),
    ...(withAuth !== undefined && { defaultWithAuth: String(withAuth) }),
    help,
  };
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
