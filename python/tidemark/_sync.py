"""
The state machine that synchronizes one job with the server.

    OPEN -- stored --> STORED -- fatal error --> STOPPED
     ^                   | NOT_FOUND               ^
     |                   v                         |
     +-- new epoch -- MISSING -- same epoch -------+

If the server no longer has the job, the epoch of the database tells why. Within the same epoch, the job was removed or has
expired, so the client stops. In a new epoch, the server lost its history, for example by restarting an in-memory store, so
the client stores the job again with everything it knows. If another worker stored the job first, its `storedAt` differs, and
the client stops.

A request in flight stays unchanged until the server answers. If an answer is lost, the same request is sent again. Requests
to store, add tasks or log carry a request id; updates are idempotent without one. Changes made in the meantime merge into
the tree, so pending data is at most twice the tree plus the newest log lines.

The caller holds the lock.
"""

import time
import uuid
from typing import Any, Callable, Dict, List, Optional, Protocol, Set, Tuple

from ._declaration import Declaration
from ._errors import RequestError
from ._limits import DEFAULT_LIMITS, Limits, TreePart
from ._state import TaskState
from ._updates import collect_updates, fit_report

Input = Dict[str, Any]

UNDECIDED_SECONDS = 1.0
"""How long a job without tasks waits for its first task. Then it is stored as a leaf, so that it can be seen."""
_LOG_LINES_MAX = DEFAULT_LIMITS["logLinesPerInputMax"]
_EPOCH_LENGTH = 12


class Observer(Protocol):
    """The job as programs see it, and what sends its reports."""

    def on_changed(self, is_urgent: bool) -> None:
        """Something waits to be sent."""

    def on_cancel_request(self, by: str, reason: Optional[str]) -> None:
        """Called with each answer while there is a cancel request."""

    def on_rejected(self, error: RequestError) -> None:
        """The server rejected a report or the job."""


class JobSync:
    """See above."""

    def __init__(
        self, header: Input, spec: Declaration, observer: Observer, limits: Callable[[], Limits]
    ) -> None:
        self.header = header
        self.running: Dict[TaskState, None] = {}
        self.is_urgent = False
        self.exceeded: Optional[str] = None
        """The limit for which the server rejected the job before."""
        self.acknowledged_at = 0.0
        """When the server last acknowledged something of the job, in the time of `time.monotonic()`."""
        self.progressed_at = 0.0
        """When something was last reported that was not a heartbeat."""
        self.stored: Optional[Dict[str, Any]] = None
        """The job as the server stored it; None before."""
        self.stored_by: Optional[str] = None
        """The address of the server that stored it."""
        self.prepared = self.flushed = 0
        """How many reports were built, and how many of those the server has acknowledged with all before."""
        self._observer = observer
        self._limits = limits
        self._id = uuid.uuid4().hex
        self._request_count = 0
        self._is_missing: Optional[RequestError] = None
        self._is_inactive = False
        self._is_outdated = False
        self._is_announced = False
        self._begun_at: Optional[float] = None
        self._store_request: Optional[Input] = None
        self._add_request: Optional[Input] = None
        self._growing: Dict[TaskState, None] = {}
        self._inputs: List[Input] = []
        self._log: List[Tuple[TaskState, str, str]] = []
        self._reported_codes: Set[str] = set()
        self.root = TaskState(spec, self)

    # State

    @property
    def is_inactive(self) -> bool:
        """Whether reporting stopped, or the server does not track the job. Nothing is sent any more."""
        return self._is_inactive

    @property
    def is_missing(self) -> bool:
        """Whether the server no longer has the job, for a reason that is not yet known."""
        return not self._is_inactive and self._is_missing is not None

    @property
    def has_ended(self) -> bool:
        return self.root.has_ended

    @property
    def needs_store(self) -> bool:
        return not self._is_inactive and self.stored is None and self._is_storable

    @property
    def is_reportable(self) -> bool:
        """Whether, as far as the client knows, the server has the job."""
        return not self._is_inactive and self.stored is not None and self._is_missing is None

    @property
    def has_tasks_to_add(self) -> bool:
        return self.is_reportable and (self._add_request is not None or bool(self._growing))

    @property
    def has_pending(self) -> bool:
        """Whether something has been reported that the server has not acknowledged. Ticks do not count."""
        if self._is_inactive:
            return False
        return self.is_missing or self.needs_store or self.has_tasks_to_add or self._has_reports

    @property
    def _has_reports(self) -> bool:
        return self.is_reportable and (bool(self._inputs) or self.root.is_dirty or bool(self._log))

    @property
    def _is_storable(self) -> bool:
        """A root stored as a leaf can't get tasks, unless the job is stored again."""
        if self.root.kind != "UNDECIDED" or self._is_announced:
            return True
        return self._begun_at is not None and time.monotonic() - self._begun_at > UNDECIDED_SECONDS

    # Changes

    def on_changed(self, is_urgent: bool) -> None:
        if self._begun_at is None:
            self._begun_at = time.monotonic()
        self.is_urgent = self.is_urgent or is_urgent
        self._observer.on_changed(is_urgent)

    def announce(self) -> None:
        """Stores the job at once, even without tasks."""
        self._is_announced = True
        self.on_changed(True)

    def on_tasks_added(self, parent: TaskState) -> None:
        self._growing[parent] = None

    def on_kind_changed(self) -> None:
        if self._store_request is not None:
            self._is_outdated = True  # restarts when it is answered
        elif self.stored is not None:
            self._store_again()

    def log(self, task: TaskState, level: str, message: str) -> None:
        self._log.append((task, level, message))
        del self._log[:-_LOG_LINES_MAX]
        self.on_changed(False)

    # Requests

    def take_store_request(self) -> Input:
        if self._store_request is None:
            request = {**self.header, "requestId": self._next_request_id()}
            part = TreePart(self._limits(), request)
            self._store_request = {**request, "task": self.root.announce(part)}
        return self._store_request

    def on_stored(self, job: Optional[Dict[str, Any]]) -> None:
        self._store_request = None
        self.stored = job
        self._is_inactive = self._is_inactive or job is None
        if job is not None:
            self._acknowledge(job)
        if job is not None and self._is_outdated:
            self._store_again()

    def take_add_request(self) -> Input:
        if self._add_request is None:
            parent = next(iter(self._growing))
            del self._growing[parent]
            request = {**self.heartbeat(), "path": parent.path, "requestId": self._next_request_id()}
            unknown = [subtask for subtask in parent.subtasks.values() if not subtask.is_announced]
            tasks = parent.announce_subtasks(TreePart(self._limits(), request), unknown)
            self._add_request = {**request, "tasks": tasks}
        return self._add_request

    def on_tasks_acknowledged(self, job: Optional[Dict[str, Any]]) -> None:
        self._add_request = None
        if job is not None:
            self._acknowledge(job)

    def take_reports(self) -> List[Input]:
        """
        The reports to send next, in order. They stay the same until acknowledged. Empty if there is nothing to report, or
        if it is unknown whether tasks were added.
        """
        if not self._inputs and self._add_request is None:
            self._prepare()
        return self._inputs

    def heartbeat(self) -> Input:
        """An empty report, which renews the lease."""
        made = {name: self.header[name] for name in ("database", "username", "jobId") if name in self.header}
        return {**made, "attempt": self.stored["attempt"]} if self.stored else made

    def on_report_acknowledged(self, report: Input, job: Optional[Dict[str, Any]]) -> None:
        """:param report: one of `take_reports`, or a heartbeat."""
        self._drop(report)
        if job is not None:
            self._acknowledge(job)

    def on_report_rejected(self, report: Input, error: RequestError) -> None:
        """Retries each update of a rejected report separately, so that one bad update does not discard the others."""
        if error.is_fatal:
            return self.on_job_rejected(error)
        updates = report.get("updates", [])
        parts = [{**report, "updates": [update]} for update in updates] if len(updates) > 1 else []
        self._drop(report, parts)
        if not parts and error.code not in self._reported_codes:
            self._reported_codes.add(error.code)
            self._observer.on_rejected(error)

    def on_job_rejected(self, error: RequestError) -> None:
        if error.code != "NOT_FOUND" or self.stored is None:
            return self.stop(error)
        self._is_missing = self._is_missing or error
        self.is_urgent = True

    def on_epoch(self, position: str) -> None:
        """:param position: a current position of the job's database; empty if there is none."""
        if self._is_missing is None or self.stored is None:
            return
        if position[:_EPOCH_LENGTH] == self.stored["position"][:_EPOCH_LENGTH]:
            self.stop(self._is_missing)
        else:
            self.restart()

    def stop(self, error: RequestError) -> None:
        """Stops reporting for good."""
        if not self._is_inactive:
            self._is_inactive = True
            self._inputs, self._log = [], []
            self._observer.on_rejected(error)

    def restart(self) -> None:
        """Stores the job again. Acknowledged log lines are lost."""
        lines = [line for report in self._inputs for line in report.get("log", [])]
        unsent = [(self.root.at(line["path"]), line["level"], line["message"]) for line in lines]
        self._log = (unsent + self._log)[-_LOG_LINES_MAX:]
        self._inputs = []
        self._store_request = self._add_request = self.stored = self._is_missing = None
        self._is_outdated = False
        self._growing.clear()
        self.root.reset_reported()

    # Helpers

    def _store_again(self) -> None:
        self.header.pop("onConflict", None)  # it is this worker's own job that exists
        self.restart()

    def _acknowledge(self, job: Dict[str, Any]) -> None:
        if self.stored is not None and not _is_same_attempt(job, self.stored):
            return self.stop(_stale_attempt(self.header["jobId"]))
        self.acknowledged_at = time.monotonic()
        cancel = job.get("cancelRequest")
        if cancel and not self.has_ended:
            self._observer.on_cancel_request(cancel["by"], cancel["reason"])

    def _prepare(self) -> None:
        self.is_urgent = False
        updates = collect_updates(self.root, self.running, self._growing)
        self._inputs = self._fit("updates", updates)
        if not self._growing:  # a line may name a task that is not added yet
            self._inputs += self._take_log()
            self.prepared += not self._log
        if self._inputs:
            self.progressed_at = time.monotonic()
        self._settle()

    def _take_log(self) -> List[Input]:
        """As many lines as have request ids that the server remembers together."""
        limits = self._limits()
        lines_max = min(limits["logLinesPerJobMax"], limits["logLinesPerInputMax"] * limits["requestIdsPerAttemptMax"])
        lines = self._log[:lines_max]
        del self._log[:lines_max]
        log = [{"level": level, "path": task.reported_path(), "message": text} for task, level, text in lines]
        return self._fit("log", log)

    def _fit(self, field: str, items: List[Input]) -> List[Input]:
        return fit_report(self.heartbeat(), field, items, self._limits(), self._next_request_id)

    def _drop(self, report: Input, parts: Optional[List[Input]] = None) -> None:
        """Replaces a report by parts of it."""
        for index, one in enumerate(self._inputs):
            if one is report:
                self._inputs[index : index + 1] = parts or []
                break
        self._settle()

    def _settle(self) -> None:
        if not self._inputs:
            self.flushed = self.prepared

    def _next_request_id(self) -> str:
        self._request_count += 1
        return f"{self._id}-{self._request_count}"


def _is_same_attempt(one: Dict[str, Any], other: Dict[str, Any]) -> bool:
    """Attempts restart at 1 in a new epoch, so the attempt alone is not unique."""
    return bool(one["attempt"] == other["attempt"] and one["storedAt"] == other["storedAt"])


def _stale_attempt(job_id: str) -> RequestError:
    message = f'Job "{job_id}" was stored again by another worker. Stop this worker, or store the job again.'
    return RequestError("STALE_ATTEMPT", message)
