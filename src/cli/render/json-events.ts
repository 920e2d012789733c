/** The output of `tidemark watch --json`: one object per line, as the SDK delivers it, without repeated data. */
import type { WatchEvent, WatchedJob, WatchedTask, WatchStatus } from "../../client/index.js";
import { sanitizedJson } from "./sanitize.js";
import { connectionCauseOf } from "./connection-text.js";

/** A new job is printed with its whole tree, a changed job with its changed tasks only. */
export function eventJson(event: WatchEvent): string {
  switch (event.kind) {
    case "TaskUpdated":
      return sanitizedJson({
        kind: event.kind,
        job: withoutTree(event.job),
        changed: event.changed.map(withoutSubTasks),
      });
    case "TaskRemoved":
      return sanitizedJson({ kind: event.kind, reason: event.reason, job: withoutTree(event.job) });
    default:
      return sanitizedJson(event);
  }
}

/** `{"kind":"Connection","status":"stale","since":"2026-11-23T17:03:12.000Z"}` */
export function statusJson(status: WatchStatus): string {
  const since = status.kind === "stale" ? { since: status.since.toISOString() } : {};
  return sanitizedJson({
    kind: "Connection",
    status: status.kind,
    ...since,
    cause: connectionCauseOf(status),
  });
}

function withoutTree({ task, ...job }: WatchedJob): object {
  return { ...job, task: withoutSubTasks(task) };
}

function withoutSubTasks({ subTasks, ...task }: WatchedTask): object {
  return task;
}
