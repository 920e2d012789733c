/** What subscribers watch, and what they are told: the same for Tidemark and for those it is compared with. */

/** An answer has about 480 bytes. */
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

/** Of every job: a leaf, whose work no bench does, as microseconds are reported as it. */
export const TASK = { description: "PageRank of customer-orders", volume: 100_000_000_000_000 };

/** Of the job whose update ends a run: an event of it is longer than any other. */
export const MARK_TASK = { ...TASK, description: "Mark ".repeat(50) };

/** Job `at` of so many users, who have them in turn. */
export function keyOf(at, users) {
  return { username: `user${at % users}`, jobId: `job${at}` };
}

/** The event of an update as `WATCH` has it answered, for a server that keeps nothing. */
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

/** The same clock for all processes of the machine. */
export function microsNow() {
  const [seconds, nanos] = process.hrtime();
  return Math.round(seconds * 1e6 + nanos / 1e3);
}
