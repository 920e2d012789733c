"""
A job: a tree of tasks whose progress is reported while the work runs. The server stores it with its first report. The work
never waits for the server: while it does not answer, reports are merged and sent later.
"""

import logging
import os
import uuid
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type
from urllib.parse import urlencode

from . import _exit
from ._declaration import Declaration, leaf, task as declare_task
from ._errors import JobCanceled, RequestError
from ._lock import LOCK
from ._reporter import LOGGER, reporter_for
from ._state import TaskState
from ._sync import JobSync
from ._task import Task
from ._text import text_of
from ._transport import DEFAULT_URL, Token as ServerToken, Urls, server_urls

END_SECONDS = 1.0
"""How long the end of a `with` block waits for a server that takes nothing. The end is then sent in the background."""

_current: "ContextVar[Optional[Job]]" = ContextVar("tidemark_job", default=None)


class Job(Task):
    """A job, and the root of its tree. Made by `tidemark.job`."""

    def __init__(self, header: Dict[str, Any], spec: Declaration, urls: Tuple[str, ...], token: Optional[ServerToken]) -> None:
        """Called by `job`."""
        self.job_id: str = header["jobId"]
        """The id, unique within its database and user."""
        self.canceled: Optional[JobCanceled] = None
        """What tracked loops raise, once the job is canceled."""
        self._reporter = reporter_for(urls, token)
        self._sync = JobSync(header, spec, self, lambda: self._reporter.limits)
        self._has_ignored = False
        """Whether the program was told that a value means nothing."""
        self.is_inherited = False
        """Whether this process is a child of the one that began the job. An attribute, because each tick reads it."""
        self._has_warned_of_child = False
        self._outer: "Optional[Token[Optional[Job]]]" = None
        super().__init__(self._sync.root, self)

    @property
    def url(self) -> str:
        """
        The address of the job in the dashboard. Until the server has stored the job, it names no owner unless the program
        did; the page then finds the job by its id. Of several servers without a public address, it is that of the server that
        stored the job.
        """
        username = self._sync.stored["username"] if self._sync.stored else self._sync.header.get("username")
        owner = {"owner": username} if username else {}
        fields = {"database": self._sync.header["database"], **owner, "job": self.job_id}
        return f"{self._reporter.public_url or self._sync.stored_by or self._reporter.url}/?{urlencode(fields)}"

    @property
    def cancelled(self) -> bool:
        """Whether a user asked to stop the job, or the program did."""
        return self.canceled is not None

    def raise_if_cancelled(self) -> None:
        """:raises JobCanceled: if the job is canceled. Tracked loops do this by themselves."""
        if self.canceled is not None:
            raise self.canceled

    def cancel(self, reason: Optional[str] = None) -> None:
        """Ends the job as CANCELED. Its tracked loops raise `JobCanceled`."""
        self.canceled = self.canceled or JobCanceled(reason=reason)
        super().cancel(str(self.canceled))

    def flush(self, timeout: float = 5.0) -> bool:
        """
        Waits until the server has stored everything that was reported before this call.

        :returns: False if the server did not within `timeout` seconds without progress, or rejects the job. Never raises.
        """
        with LOCK:
            self._sync.announce()
            wanted = self._sync.prepared + 1
        self._reporter.wait(lambda: self._is_flushed(wanted), timeout, ignores_absence=True)
        with LOCK:
            return not self._sync.is_inactive and self._sync.flushed >= wanted

    def __reduce__(self) -> Any:
        raise TypeError(
            f'Job "{self.job_id}" cannot be sent to another process. Count the results in this one, as in '
            "job.track(pool.imap_unordered(…))."
        )

    def __repr__(self) -> str:
        database, status = self._sync.header["database"], self._sync.root.status
        return f"<tidemark.Job {self.job_id!r} in {database!r}, {status}, {self.url}>"

    def __enter__(self) -> "Job":
        if self._outer is not None:
            raise TypeError(f'Job "{self.job_id}" already had its `with` block. Create another job for another block.')
        super().__enter__()
        self._outer = _current.set(self)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        super().__exit__(kind, error, traceback)
        try:
            if self._outer is not None:
                _current.reset(self._outer)
        except ValueError:
            pass  # the block began in another context, as in a generator
        self._reporter.wait(lambda: not self._sync.has_pending, END_SECONDS)

    # Called by the tasks

    def on_inherited(self) -> None:
        if not self._has_warned_of_child:
            self._has_warned_of_child = True
            LOGGER.warning(
                'tidemark: Job "%s" belongs to the parent of this process, so nothing that is counted here is reported. '
                "Count the results in the parent, as in job.track(pool.imap_unordered(…)).",
                self.job_id,
            )

    def write_log(self, task: TaskState, level: str, message: str) -> None:
        with LOCK:
            self._sync.log(task, level, message)

    # Called by the synchronization and at the end of the process, with the lock

    def on_changed(self, is_urgent: bool) -> None:
        self.is_inherited = self._reporter.is_abandoned
        if self.is_inherited:
            return
        if not self._sync.is_inactive:
            self._reporter.on_changed(self._sync, is_urgent)
        if self._sync.is_inactive or self._sync.has_ended:
            _exit.job_closed(self)
        else:
            _exit.job_opened(self)

    def on_cancel_request(self, by: str, reason: Optional[str]) -> None:
        self.canceled = self.canceled or JobCanceled(by, reason)

    def on_rejected(self, error: RequestError) -> None:
        what = "is not reported any more" if self._sync.is_inactive else "has a report that the server rejected"
        self._reporter.say(logging.WARNING, f'Job "{self.job_id}" {what}: {self._reporter.describe(error)}')

    def on_ignored(self, problem: str) -> None:
        if not self._has_ignored:
            self._reporter.say(logging.WARNING, f'Job "{self.job_id}": {problem}')
        self._has_ignored = True

    def end_with_process(self, status: str, reason: Optional[str]) -> None:
        if status == "CANCELED":
            self.canceled = self.canceled or JobCanceled(reason=reason)
        self._sync.root.end(status, reason or "The process exited while the job was running")

    def _is_flushed(self, wanted: int) -> bool:
        return self._sync.is_inactive or self._sync.flushed >= wanted


def job(
    description: str,
    *tasks: Declaration,
    volume: Optional[float] = None,
    url: Optional[Urls] = None,
    database: Optional[str] = None,
    job_id: Optional[str] = None,
    username: Optional[str] = None,
    token: Optional[ServerToken] = None,
    lease_seconds: Optional[int] = None,
    memory: Optional[Tuple[int, int]] = None,
    rejects_existing: bool = False,
) -> Job:
    """
    Creates a job. It begins, and ends, with its `with` block.

        with tidemark.job("Import", tidemark.leaf("read"), tidemark.leaf("write", volume=500)) as job:
            for row in job.track(rows, "read"):
                ...

    :param description: the name of the job.
    :param tasks: its tasks. Without any, the job itself counts, or gets tasks from `track` and `add`.
    :param volume: the units of a job without tasks; None while unknown.
    :param url: the address of the server, or those of several nodes: a list, or with commas in between. The first that answers
        is used until it fails, then the next one; default: TIDEMARK_URL, else `http://127.0.0.1:4000`.
    :param database: the database of the job; default: TIDEMARK_DATABASE, else `default`.
    :param job_id: a job with the same id is overwritten; default: a random id.
    :param username: the owner; default: the user that the server authenticates.
    :param token: authenticates, or a function that returns a current token for each request; default: TIDEMARK_TOKEN.
    :param lease_seconds: the seconds without a report before the job is SILENT; default: the server's.
    :param memory: the estimated memory: the least and the most bytes.
    :param rejects_existing: whether a job that is running under this id is kept, and this one is not reported.
    :raises TypeError: if the tree is not well formed, and for nothing else.
    """
    header, spec, address, credentials = settings(description, tasks, volume, url, database, job_id, token)
    if username is not None:
        header["username"] = username
    if lease_seconds is not None:
        header["leaseSeconds"] = lease_seconds
    if memory is not None:
        header["memory"] = {"minBytes": memory[0], "maxBytes": memory[1]}
    if rejects_existing:
        header["onConflict"] = "REJECT"
    return Job(header, spec, address, credentials)


def settings(
    description: str,
    tasks: Tuple[Declaration, ...] = (),
    volume: Optional[float] = None,
    url: Optional[Urls] = None,
    database: Optional[str] = None,
    job_id: Optional[str] = None,
    token: Optional[ServerToken] = None,
) -> Tuple[Dict[str, Any], Declaration, Tuple[str, ...], Optional[ServerToken]]:
    """The arguments of `Job`, with the defaults of `job`."""
    header = {
        "database": database or os.environ.get("TIDEMARK_DATABASE") or "default",
        "jobId": text_of(job_id) if job_id else str(uuid.uuid4()),
    }
    addresses = server_urls(url or os.environ.get("TIDEMARK_URL") or DEFAULT_URL)
    return header, _root(description, tasks, volume), addresses, token or os.environ.get("TIDEMARK_TOKEN")


def current_job() -> Optional[Job]:
    """The job whose `with` block runs here; None if there is none, or in a child of its process."""
    current = _current.get()
    return None if current is None or current._reporter.is_abandoned or current._sync.has_ended else current


def _root(description: str, tasks: Tuple[Declaration, ...], volume: Optional[float]) -> Declaration:
    if tasks and volume is not None:
        raise TypeError(f"Job {description!r} has tasks, so its volume is the sum of theirs. Leave out `volume`.")
    if tasks:
        return declare_task(description, *tasks)
    return Declaration("UNDECIDED", text_of(description)) if volume is None else leaf(description, volume=volume)
