import type { Caller } from "../../auth/caller.js";
import { narrowFilter, scopeOf } from "../../auth/rights.js";
import type {
  CancelRequestsRequest,
  Hub,
  TaskCountRequest,
  TaskEventsRequest,
  TaskRequest,
} from "../../hub/hub.js";
import type { PullStream } from "../../hub/pull-stream.js";
import type { TaskEvent } from "../../hub/task-event.js";
import type { DatabaseName, JobId, Username } from "../../tasks/names.js";
import type { UserTask } from "../../tasks/user-task.js";

/**
 * Opens subscriptions at the hub, narrowed to the part of a database that the caller may see. So the hub pulls no
 * other events, and callers with the same view share a group. If the caller may see nothing of a database, the
 * subscription goes to a hub in which nothing ever happens.
 */
export class Watcher {
  readonly #hub: Hub;
  readonly #emptyHub: Hub;
  readonly #caller: Caller;

  /** @param emptyHub a hub over databases that are always empty. */
  constructor(hub: Hub, emptyHub: Hub, caller: Caller) {
    this.#hub = hub;
    this.#emptyHub = emptyHub;
    this.#caller = caller;
  }

  /** @throws TidemarkError as `Hub.taskEvents` */
  taskEvents(request: TaskEventsRequest): Promise<PullStream<TaskEvent>> {
    const visible = this.#narrowed(request);
    return visible ? this.#hub.taskEvents(visible) : this.#emptyHub.taskEvents(request);
  }

  /** @throws TidemarkError as `Hub.task` */
  task(request: TaskRequest): Promise<PullStream<UserTask | null>> {
    return this.#narrowed(request) ? this.#hub.task(request) : this.#emptyHub.task(request);
  }

  /** @throws TidemarkError as `Hub.taskCount` */
  taskCount(request: TaskCountRequest): Promise<PullStream<number>> {
    const visible = this.#narrowed(request);
    return visible ? this.#hub.taskCount(visible) : this.#emptyHub.taskCount(request);
  }

  /** @throws TidemarkError as `Hub.cancelRequests` */
  cancelRequests(request: CancelRequestsRequest): Promise<PullStream<readonly UserTask[]>> {
    const visible = this.#narrowed(request);
    return visible ? this.#hub.cancelRequests(visible) : this.#emptyHub.cancelRequests(request);
  }

  #narrowed<Request extends WatchRequest>(request: Request): Request | undefined {
    const scope = scopeOf(request.database, this.#caller.rights);
    return scope && narrowFilter(request, scope);
  }
}

interface WatchRequest {
  readonly database: DatabaseName;
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
}
