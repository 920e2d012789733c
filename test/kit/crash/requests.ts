/** The requests of crash tests and their expected results. */
import type { CrashInput } from "./record.js";
import { graphqlResultOf, type GraphqlRequest, type HttpConnection } from "../network/raw-http.js";
import type { WireJob, WireTask } from "../wire/event.js";

/** How often a job was stored and changed, and its state; undefined if it does not exist. */
export interface KnownJobState {
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  readonly job: WireJob | undefined;
}

export const NEVER_STORED: KnownJobState = { attempt: 0, version: 0, revision: 0, job: undefined };

/** The server answered with an error. */
export class RequestRefused extends Error {
  constructor(inputs: readonly CrashInput[], errors: object) {
    super(`The server refused ${JSON.stringify(inputs)}: ${JSON.stringify(errors)}`);
  }
}

/**
 * Sends one request over `connection`: many reports, or one of any other kind. Resolves with the job of each
 * input.
 */
export async function request(
  connection: HttpConnection,
  inputs: readonly CrashInput[],
): Promise<(WireJob | null)[]> {
  const { data, errors } = graphqlResultOf(await connection.post(requestOf(inputs)));
  if (errors) throw new RequestRefused(inputs, errors);
  const [answer] = Object.values(data as Record<string, Payload | Payload[]>); // safe: so the documents ask for it
  return [answer!].flat().map((payload) => jobIn(payload, inputs));
}

/** The job after an input, without revision and instants, which the server chooses. */
export function expectedAfter(
  { kind, mark, ...of }: CrashInput,
  { attempt, version, job }: KnownJobState,
): object {
  const isStored = kind === "store";
  const description = isStored ? treeOf(mark).description : (job?.tasks[0]?.description ?? "");
  const [status, done, message] = isStored ? ["PENDING", 0, null] : ["RUNNING", mark, String(mark)];
  const task = (path: string, name: string, share: number) => ({
    path,
    kind: path === "" ? "INTERMEDIATE" : "LEAF",
    description: name,
    status,
    message: path === "" ? message : null,
    currentIteration: null,
    progress: { done: share * Number(done), volume: share * VOLUME, knownVolume: share * VOLUME },
  });
  return {
    username: of.username,
    jobId: of.jobId,
    attempt: attempt + Number(isStored),
    version: version + 1,
    health: "OK",
    cancelRequest: null,
    tasks: [task("", description, LEAVES.length), ...LEAVES.map((name, at) => task(String(at), name, 1))],
  };
}

/** A job without the fields that the server chooses. */
export function withoutChoices({ revision: _, tasks, ...own }: WireJob): object {
  return { ...own, tasks: tasks.map(withoutInstants) };
}

interface Payload {
  readonly error?: object | null;
  readonly userTask: WireJob | null;
}

const VOLUME = 1_000_000_000;
const LEAVES = ["left", "right"];

/** Long enough that no job becomes SILENT during the test. */
const LEASE_SECONDS = 604_800;

const JOB = `{ userTask {
  username jobId attempt version revision health cancelRequest { reason }
  tasks {
    path kind description status message startedAt endedAt currentIteration
    progress { done volume knownVolume }
  }
} }`;

const DOCUMENTS = {
  store: `mutation ($input: StoreTaskInput!) { storeTask(input: $input) ${JOB} }`,
  report: `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) ${JOB} }`,
  remove: `mutation ($input: JobInput!) { removeTask(input: $input) ${JOB} }`,
} satisfies Record<CrashInput["kind"], string>;

const MANY_REPORTS = `mutation ($inputs: [UpdateTaskInput!]!) {
  updateTasks(inputs: $inputs) { error { code message } ...Result }
} fragment Result on UpdateTaskResult ${JOB}`;

function requestOf(inputs: readonly CrashInput[]): GraphqlRequest {
  if (inputs.length > 1) return { query: MANY_REPORTS, variables: { inputs: inputs.map(variableOf) } };
  const [input] = inputs as [CrashInput];
  return { query: DOCUMENTS[input.kind], variables: { input: variableOf(input) } };
}

function variableOf({ kind, mark, ...of }: CrashInput): object {
  switch (kind) {
    case "store":
      return { ...of, leaseSeconds: LEASE_SECONDS, task: treeOf(mark) };
    case "report":
      return { ...of, updates: updatesOf(mark) };
    case "remove":
      return of;
  }
}

function treeOf(mark: number): { readonly description: string; readonly subTasks: readonly object[] } {
  const subTasks = LEAVES.map((description) => ({ description, volume: VOLUME }));
  return { description: `tree ${mark}`, subTasks };
}

/** One update for each task, so that a partial delivery or a partial write is visible. */
function updatesOf(mark: number): readonly object[] {
  return [...LEAVES.map((_, at) => ({ path: String(at), done: mark })), { message: String(mark) }];
}

function jobIn({ error, userTask }: Payload, inputs: readonly CrashInput[]): WireJob | null {
  if (error) throw new RequestRefused(inputs, error);
  return userTask;
}

function withoutInstants({ startedAt: _, endedAt: __, ...task }: WireTask): object {
  return task;
}
