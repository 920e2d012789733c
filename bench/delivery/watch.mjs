/** The subscription and its events, the same for Tidemark and the other servers. */

/** An event has about 480 bytes. */
export const WATCH = `subscription Watch($database: String!, $username: String) {
  taskEvents(database: $database, username: $username) {
    __typename
    position
    ... on TaskUpdated {
      userTask {
        username
        jobId
        version
        task { description status progress { done volume percent } }
      }
      changed { path description status progress { done volume percent } }
    }
  }
}`;

export const DATABASE = "graphs";

/** The single task of each job. `done` is a time in microseconds, which never reaches the volume. */
export const TASK = { description: "PageRank of customer-orders", volume: 100_000_000_000_000 };

/** The task of the job whose update ends a run. Its events are longer than any other. */
export const MARK_TASK = { ...TASK, description: "Mark ".repeat(50) };

/** The key of job `at`. The users own the jobs in turn. */
export function keyOf(at, users) {
  return { username: `user${at % users}`, jobId: `job${at}` };
}

/** The event of an update as selected by `WATCH`, for a server without a store. */
export function taskUpdated({ username, jobId, updates: [{ path, done }] }) {
  const { description, volume } = TASK;
  const status = "RUNNING";
  const progress = { done, volume, percent: "0%" };
  const task = { description, status, progress };
  return {
    __typename: "TaskUpdated",
    position: `k3J9wQx-T_bA.${done}`,
    userTask: { username, jobId, version: done, task },
    changed: [{ path, description, status, progress }],
  };
}

/** A clock that all processes of the machine share. */
export function microsNow() {
  const [seconds, nanos] = process.hrtime();
  return Math.round(seconds * 1e6 + nanos / 1e3);
}
