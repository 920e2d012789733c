"""
Sends the reports of the jobs of one server in rounds, from a thread of its own.

    change -> 250 ms, or 20 ms when a task starts or ends -> round -> answered: idle, or the next round
                          ^                                    |
                          +---- growing pauses <---------------+- no answer
                          +---- the time that the server asks for, if it is busy

The thread is a daemon, so that it never keeps a process alive. A process that forks loses it: the child abandons the
reporters of its parent and starts its own.
"""

import contextlib
import logging
import os
import queue
import random
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Tuple

from ._errors import RequestError, SettingsError
from ._limits import DEFAULT_LIMITS, Limits, inputs_within, json_bytes, variables_bytes_max
from ._lock import LOCK
from ._sync import Input, JobSync
from ._transport import Token, Transport, request_error

LOGGER = logging.getLogger("tidemark")

INTERVAL_SECONDS = 0.25
URGENT_SECONDS = 0.02
"""Limits the rate of requests when thousands of tasks start and end per second."""
HEARTBEAT_SECONDS = 1.0
"""How often a quiet job asks for cancel requests."""
QUIET_SECONDS = 60.0
"""After this time without progress, a job asks less often."""
QUIET_HEARTBEAT_SECONDS = 5.0
PAUSE_MAX_SECONDS = 15.0
PAUSE_AT_EXIT_SECONDS = 1.0

STORES_PER_ROUND = 50
"""Limits how long the reports of other jobs wait while thousands of jobs are stored."""
ADDITIONS_PER_ROUND = 20
INPUTS_PER_REQUEST = 500
BYTES_PER_REQUEST = 300_000
ENDS_WHILE_ABSENT_MAX = 1_000
"""The ended jobs that wait for a server that does not answer."""
ENDS_MAX = 100_000

_JOB = "attempt storedAt cancelRequest { by reason }"
_STORE = f"""mutation StoreJob($input: StoreTaskInput!) {{
  storeTask(input: $input) {{ userTask {{ username leaseSeconds position {_JOB} }} }}
}}"""
_ADD = f"mutation GrowJob($input: AddTasksInput!) {{ addTasks(input: $input) {{ userTask {{ {_JOB} }} }} }}"
_REPORT = f"""mutation ReportJobs($inputs: [UpdateTaskInput!]!) {{
  updateTasks(inputs: $inputs) {{ error {{ code limit message }} userTask {{ {_JOB} }} }}
}}"""
_LIMITS = "query ServerLimits { server { publicUrl limits { name value } } }"
_HISTORY = "query History($database: String!) { tasks(database: $database, first: 1) { position } }"

_reporters: Dict[Tuple[Tuple[str, ...], Any], "Reporter"] = {}


def reporter_for(urls: Tuple[str, ...], token: Optional[Token]) -> "Reporter":
    """The reporter of this process for a server, or for several nodes."""
    with LOCK:
        key = (urls, token)
        if key not in _reporters:
            _reporters[key] = Reporter(Transport(urls, token))
        return _reporters[key]


def all_reporters() -> List["Reporter"]:
    """Those of this process."""
    with LOCK:
        return list(_reporters.values())


@contextlib.contextmanager
def _locked(job: JobSync) -> Iterator[None]:
    """Holds the lock. A defect of the client stops this job, and delays the others until the next round."""
    with LOCK:
        try:
            yield
        except Exception as error:
            defect = RequestError("INTERNAL", f"The client failed: {error!r}.")
            job.stop(defect)
            raise defect from error


def _abandon_all() -> None:
    for reporter in _reporters.values():
        reporter.is_abandoned = True
    _reporters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


class Reporter:
    """See above."""

    def __init__(self, transport: Transport) -> None:
        self.is_abandoned = False
        """Whether this process is a child of the one that reports these jobs."""
        self.is_absent = False
        """Whether the latest round found no server that takes reports. A busy server is not absent."""
        self.has_answered = False
        self.limits: Limits = DEFAULT_LIMITS
        self.public_url: Optional[str] = None
        """The address at which people open the dashboard, if the server knows one."""
        self._transport = transport
        transport.on_moved = lambda text: self.say(logging.WARNING, text)
        self._jobs: Dict[JobSync, None] = {}
        """Those that may have something to send."""
        self._ends: Dict[JobSync, None] = {}
        """Those that have ended, oldest first."""
        self._changed = threading.Condition(LOCK)
        self._wakes: "queue.SimpleQueue[None]" = queue.SimpleQueue()
        self._is_woken = False
        self._thread: Optional[threading.Thread] = None
        self._messages: Deque[Tuple[int, str]] = deque(maxlen=100)
        self._said_codes: "set[str]" = set()
        self._are_limits_stale = True
        self._is_busy = False
        self._is_truncated = False
        self._is_hurried = False
        self._is_exiting = False
        self._failure: Optional[RequestError] = None
        """The latest one, until a round succeeds."""
        self._failure_count = 0
        self._inputs_max = INPUTS_PER_REQUEST
        self._urgent_at: Optional[float] = None
        self._round_at = self._paused_until = self._progressed_at = 0.0

    @property
    def url(self) -> str:
        """The address of the server in use."""
        return self._transport.url

    @property
    def server_count(self) -> int:
        return len(self._transport.urls)

    # Called by jobs, with the lock

    def on_changed(self, job: JobSync, is_urgent: bool) -> None:
        """A job has something to send. A report that is not urgent waits for the next round."""
        if self.is_abandoned:
            return
        is_new = job not in self._jobs
        self._jobs[job] = None
        if job.has_ended and job not in self._ends:
            self._ends[job] = None
            self._progressed_at = max(self._progressed_at, time.monotonic())
            self._drop_overflow()
        if is_urgent and self._urgent_at is None:
            self._urgent_at = time.monotonic()
        if is_urgent or is_new:
            self._start()
            self._wake()

    def describe(self, error: RequestError) -> str:
        """An error, with what the program can do about its token."""
        if error.code == "UNAUTHENTICATED" and not self._transport.has_token:
            return "The server requires a token: pass token= or set TIDEMARK_TOKEN."
        is_about_token = error.code in ("UNAUTHENTICATED", "FORBIDDEN")
        return f"{error} Pass another token as token=, or set TIDEMARK_TOKEN." if is_about_token else str(error)

    def say(self, level: int, message: str) -> None:
        """Logs a line, later and without the lock: a handler of the program may have locks of its own."""
        self._messages.append((level, message))

    # Called by programs, without the lock

    def wait(self, is_done: Callable[[], bool], patience: float, ignores_absence: bool = False) -> bool:
        """
        Waits until `is_done`, called with the lock, and returns True; or False when the server has taken nothing for
        `patience` seconds. Does not wait for a server that is absent, unless `ignores_absence`.
        """
        with self._changed:
            started = time.monotonic()
            while not is_done():
                left = max(started, self._progressed_at) + patience - time.monotonic()
                if left <= 0 or self.is_abandoned or (self.is_absent and not ignores_absence):
                    return False
                if self._thread is None or not self._thread.is_alive():
                    return False
                self._is_hurried = True
                self._wake()
                self._changed.wait(left)
        return True

    def drain(self, patience: float) -> None:
        """The process exits: sends everything, while the server takes something within `patience` seconds, or says what it did not."""
        self._send_rest(patience)
        if not self.is_abandoned and not isinstance(self._failure, SettingsError):
            self._say_unreported()
        self._log_messages()

    def _send_rest(self, patience: float) -> None:
        if self.is_absent and not self.has_answered:
            return
        self._is_exiting = True
        if self._thread is not None and self._thread.is_alive():
            self.wait(self.is_drained, patience, ignores_absence=True)
            return
        started = time.monotonic()  # no thread can start any more
        while not self.is_drained() and max(started, self._progressed_at) + patience > time.monotonic():
            self._cycle()
            if self.is_absent:
                return

    def is_drained(self) -> bool:
        """Whether nothing waits to be sent. The caller holds the lock."""
        return not any(job.has_pending for job in self._jobs)

    def _say_unreported(self) -> None:
        with LOCK:
            ids = [job.header["jobId"] for job in self._jobs if job.has_pending]
        if not ids:
            return
        jobs = f'Job "{ids[0]}" was' if len(ids) == 1 else f"{len(ids)} jobs were"
        failure = self._failure
        is_unavailable = failure is None or failure.code == "UNAVAILABLE"
        reason = self.describe(failure) if failure and not is_unavailable else f"no server answered at {', '.join(self._transport.urls)}."
        self.say(logging.WARNING, f"{jobs} not reported{' to the end' if self.has_answered else ''}: {reason}")

    # The thread

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tidemark", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter exits, or has no threads left
                self._thread = None

    def _wake(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._wakes.put(None)

    def _run(self) -> None:
        while True:
            with LOCK:
                seconds = self._seconds_to_wait()
            if seconds is not None and seconds <= 0:
                self._cycle()
                continue
            try:
                self._wakes.get(timeout=seconds)
            except queue.Empty:
                continue
            self._is_woken = False

    def _seconds_to_wait(self) -> Optional[float]:
        """None if there is nothing to do."""
        if not self._jobs:
            return None
        now = time.monotonic()
        due = self._round_at + INTERVAL_SECONDS
        if self._is_truncated:
            due = self._round_at + URGENT_SECONDS
        elif self._urgent_at is not None:
            due = max(self._urgent_at, self._round_at) + URGENT_SECONDS
        if self._is_hurried and self._failure_count == 0:
            due = self._round_at + URGENT_SECONDS
        paused_until = self._paused_until
        if self._is_exiting and not self._is_busy:
            paused_until = min(paused_until, self._round_at + PAUSE_AT_EXIT_SECONDS * random.random())
        return max(due, paused_until) - now

    def _cycle(self) -> None:
        """One round. Never raises."""
        self._urgent_at = None
        self._is_hurried = False
        try:
            self._round()
            self._succeeded()
        except RequestError as error:
            self._failed(error)
        except Exception as error:  # a defect; the job goes on
            self._failed(RequestError("INTERNAL", f"The client failed: {error!r}"))
        with self._changed:
            for job in list(self._jobs):
                if job.is_inactive or (job.has_ended and not job.has_pending):
                    self._forget(job)
            self._round_at = time.monotonic()
            self._changed.notify_all()
        self._log_messages()

    def _log_messages(self) -> None:
        try:
            while self._messages:
                level, message = self._messages.popleft()
                LOGGER.log(level, "tidemark: %s", message)
        except Exception:
            pass  # of a handler of the program, which must not end the reports

    def _succeeded(self) -> None:
        if self.is_absent:
            self.say(logging.INFO, f"The server at {self.url} answers again.")
        self.is_absent = self._is_busy = False
        self._failure = None
        self._failure_count = 0
        self._said_codes.clear()

    def _failed(self, error: RequestError) -> None:
        self._are_limits_stale = True  # it may restart with others
        self._failure = error
        self._is_busy = error.is_busy
        self.is_absent = not error.is_busy
        pause = min(PAUSE_MAX_SECONDS, 0.5 * 2 ** min(self._failure_count, 10)) * (0.5 + random.random() / 2)
        self._paused_until = time.monotonic() + pause + error.retry_after_ms / 1_000
        self._failure_count += 1
        if self.is_absent and error.code not in self._said_codes:
            self._said_codes.add(error.code)
            prospect = "is not reported" if isinstance(error, SettingsError) else "is reported later"
            self.say(logging.WARNING, f"{self.describe(error)} The work goes on, and {prospect}.")

    # A round

    def _round(self) -> None:
        """:raises RequestError: if the server is absent, or a request may succeed later."""
        self._refresh_limits()
        self._look_up_epochs()
        if self._is_busy:
            self._send_reports()  # new trees could use up every round
        with LOCK:
            unstored = [job for job in self._jobs if job.needs_store]
            growing = [job for job in self._jobs if job.has_tasks_to_add]
        for job in unstored[:STORES_PER_ROUND]:
            self._store(job)
        for job in growing + unstored[:STORES_PER_ROUND]:
            self._add_tasks(job)
        self._send_reports()
        self._is_truncated = self._is_truncated or len(unstored) > STORES_PER_ROUND

    def _request(self, document: str, variables: Dict[str, Any]) -> Dict[str, Any]:
        try:
            data = self._transport.request(document, variables)
        except RequestError as error:
            if error.is_busy:
                self._progressed_at = time.monotonic()
            raise
        self.has_answered = True
        return data

    def _refresh_limits(self) -> None:
        if not self._are_limits_stale:
            return
        limits = dict(DEFAULT_LIMITS)
        try:
            server = self._request(_LIMITS, {})["server"]
            limits.update({limit["name"]: limit["value"] for limit in server["limits"]})
            self.public_url = (server["publicUrl"] or "").rstrip("/") or None
        except RequestError as error:
            if error.is_retryable:
                raise
        self.limits = limits
        self._are_limits_stale = False

    def _look_up_epochs(self) -> None:
        with LOCK:
            missing = [job for job in self._jobs if job.is_missing]
        for job in missing:
            tasks = self._request(_HISTORY, {"database": job.header["database"]})["tasks"]
            with _locked(job):
                job.on_epoch(tasks["position"] if tasks else "")

    def _store(self, job: JobSync) -> None:
        with _locked(job):
            request = job.take_store_request()
        try:
            stored = self._request(_STORE, {"input": request})["storeTask"]
        except RequestError as error:
            return self._on_job_rejected(job, error)
        self._progressed_at = time.monotonic()
        with _locked(job):
            job.stored_by = self.url
            job.on_stored(stored["userTask"] if stored else None)

    def _add_tasks(self, job: JobSync) -> None:
        for _ in range(ADDITIONS_PER_ROUND):
            with _locked(job):
                if not job.has_tasks_to_add:
                    return
                request = job.take_add_request()
            added = None
            try:
                added = self._request(_ADD, {"input": request})["addTasks"]
            except RequestError as error:
                if not error.applied:
                    return self._on_job_rejected(job, error)
            self._progressed_at = time.monotonic()
            with _locked(job):
                job.on_tasks_acknowledged(added["userTask"] if added else None)

    def _on_job_rejected(self, job: JobSync, error: RequestError) -> None:
        """The server may have restarted with other limits: a job that exceeds one is tried again, once."""
        if error.is_retryable:
            raise error
        with LOCK:
            if error.limit is None or job.stored or error.limit == job.exceeded:
                return job.on_job_rejected(error)
            job.exceeded = error.limit
            self._are_limits_stale = True
            job.restart()

    def _send_reports(self) -> None:
        """
        Sends the reports of all jobs in one request. If it is truncated, its jobs move to the end, so that every job gets
        its turn. If the server rejects the whole request, the batch is halved until the faulty report is found.
        """
        with LOCK:
            batch = self._take_batch()
        if not batch:
            return
        try:
            answers = self._request(_REPORT, {"inputs": [report for _, report in batch]})["updateTasks"]
        except RequestError as error:
            return self._on_batch_rejected(batch, error)
        self._inputs_max = INPUTS_PER_REQUEST
        with LOCK:
            later = [
                error
                for (job, report), answer in zip(batch, answers)
                for error in self._on_answer(job, report, answer)
            ]
        if later:
            raise next((error for error in later if error.is_busy), later[0])

    def _take_batch(self) -> List[Tuple[JobSync, Input]]:
        batch: List[Tuple[JobSync, Input]] = []
        inputs_max = inputs_within(self.limits, self._inputs_max)
        bytes_left = min(BYTES_PER_REQUEST, variables_bytes_max(self.limits))
        self._is_truncated = False
        for job in list(self._jobs):
            for report in self._reports_of(job):
                bytes_left -= json_bytes(report)
                self._is_truncated = bool(batch) and (len(batch) >= inputs_max or bytes_left < 0)
                if self._is_truncated:
                    for sent, _ in batch:
                        self._jobs.pop(sent, None)
                        self._jobs[sent] = None
                    return batch
                batch.append((job, report))
        return batch

    def _reports_of(self, job: JobSync) -> List[Input]:
        with _locked(job):
            if not job.is_reportable:
                return []
            reports = job.take_reports()
            return reports or ([job.heartbeat()] if self._is_heartbeat_due(job) else [])

    def _is_heartbeat_due(self, job: JobSync) -> bool:
        now = time.monotonic()
        is_quiet = now - job.progressed_at > QUIET_SECONDS
        lease = job.stored["leaseSeconds"] if job.stored else PAUSE_MAX_SECONDS
        interval = min(lease / 3, QUIET_HEARTBEAT_SECONDS if is_quiet else HEARTBEAT_SECONDS)
        return not job.has_ended and now - job.acknowledged_at >= interval

    def _on_batch_rejected(self, batch: List[Tuple[JobSync, Input]], error: RequestError) -> None:
        if error.is_retryable and not error.applied:
            raise error
        self._are_limits_stale = True
        self._is_truncated = True  # the others follow at once
        if len(batch) > 1:
            self._inputs_max = (len(batch) + 1) // 2
            return
        job, report = batch[0]
        with LOCK:
            if error.applied:
                job.on_report_acknowledged(report, None)
            else:
                job.on_report_rejected(report, error)

    def _on_answer(self, job: JobSync, report: Input, answer: Dict[str, Any]) -> List[RequestError]:
        """Returns the error if the report may succeed later."""
        error = request_error(answer["error"]) if answer["error"] else None
        if error is not None and error.is_retryable:
            return [error]
        if "updates" in report or "log" in report:
            self._progressed_at = time.monotonic()
        if error is None:
            job.on_report_acknowledged(report, answer["userTask"])
        else:
            self._are_limits_stale = True
            job.on_report_rejected(report, error)
        return []

    # Ended jobs

    def _forget(self, job: JobSync) -> None:
        self._jobs.pop(job, None)
        self._ends.pop(job, None)

    def _drop_overflow(self) -> None:
        while len(self._ends) > (ENDS_WHILE_ABSENT_MAX if self.is_absent else ENDS_MAX):
            oldest = next(iter(self._ends))
            self._forget(oldest)
            message = f"Over {len(self._ends)} ended jobs wait for the server. The oldest is discarded."
            oldest.stop(RequestError("UNAVAILABLE", message))
