"""
Ends the open jobs when their process ends, so that watchers need not wait for the lease.

    signal (SIGTERM, SIGHUP)  -> CANCELED, sent by a thread, which then raises the signal again
    exit of the interpreter   -> FAILED, or CANCELED after Ctrl+C; sent while the exit waits

The process ends as it would without the client: with the same exit code and signal. A signal for which the program has a
handler is left to the program, a second signal ends the process at once, and each wait is limited. There is no handler while
no job is open.
"""

import _thread
import atexit
import os
import signal
import sys
import threading
from typing import Any, Dict, List, Optional, Protocol

from ._lock import LOCK
from ._reporter import all_reporters
from ._text import failure_reason

EXIT_SECONDS = 5.0
"""How long an exit waits for a server that takes nothing. An exit does not wait if the latest attempt failed and no server has ever answered."""
SIGNAL_SECONDS = 1.0


class OpenJob(Protocol):
    """A job that has begun and not ended."""

    is_inherited: bool
    """Whether this process is a child of the one that began the job."""

    def end_with_process(self, status: str, reason: Optional[str]) -> None:
        """Ends the job. `reason` is None if the process exits without an error. The caller holds the lock."""


_open_jobs: Dict[OpenJob, None] = {}
_signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_finalized_in = 0
_is_signaled = False
_masks = threading.local()


def is_interactive() -> bool:
    """Whether a person types the program, as in a REPL or a notebook, so that an error does not end the process."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def job_opened(job: OpenJob) -> None:
    """The caller holds the lock."""
    if job not in _open_jobs:
        _open_jobs[job] = None
        if len(_open_jobs) == 1:
            _set_handlers(signal.SIG_DFL, _on_signal)
            _watch_multiprocessing()


def job_closed(job: OpenJob) -> None:
    """The caller holds the lock."""
    if job in _open_jobs:
        del _open_jobs[job]
        if not _open_jobs:
            _set_handlers(_on_signal, signal.SIG_DFL)


def _set_handlers(expected: Any, wanted: Any) -> None:
    """Replaces a handler only if it is the expected one. Only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _signals:
        if signal.getsignal(number) == expected:
            signal.signal(number, wanted)


def _on_signal(number: int, _: object) -> None:
    """
    The main thread may hold any lock in this moment, so another thread does the work. From here on, a further signal ends
    the process at once.
    """
    global _is_signaled
    if _is_signaled:  # called by a handler of the program that replaced this one
        signal.signal(number, signal.SIG_DFL)
        return os.kill(os.getpid(), number)
    _is_signaled = True
    _set_handlers(_on_signal, signal.SIG_DFL)
    try:
        _thread.start_new_thread(_end_and_raise, (number,))
    except RuntimeError:
        os.kill(os.getpid(), number)


def _end_and_raise(number: int) -> None:
    try:
        _end_open_jobs("CANCELED", f"Interrupted by {signal.Signals(number).name}")
        for reporter in all_reporters():
            reporter.wait(reporter.is_drained, SIGNAL_SECONDS)
    finally:
        os.kill(os.getpid(), number)


def _end_open_jobs(status: str, reason: Optional[str]) -> None:
    with LOCK:
        jobs: List[OpenJob] = list(_open_jobs)
        for job in jobs:
            job.end_with_process(status, reason)


def _on_exit() -> None:
    error = _uncaught_error()
    if isinstance(error, KeyboardInterrupt):
        _end_open_jobs("CANCELED", "Interrupted by SIGINT")
    elif error is not None:
        _end_open_jobs("FAILED", failure_reason(error))
    else:
        _end_open_jobs("FAILED", None)
    for reporter in all_reporters():
        reporter.drain(EXIT_SECONDS * reporter.server_count)
    if _is_signaled:
        threading.Event().wait(2 * SIGNAL_SECONDS)  # until the thread raises the signal again


def _uncaught_error() -> Optional[BaseException]:
    """The error that ends the process. In an interactive session, Python keeps an earlier one that did not end it."""
    return None if is_interactive() else getattr(sys, "last_value", None)


def _watch_multiprocessing() -> None:
    """A child of `multiprocessing` that was forked runs its own finalizers instead of those of `atexit`."""
    global _finalized_in
    multiprocessing: Any = sys.modules.get("multiprocessing")
    if multiprocessing is None or multiprocessing.parent_process() is None or _finalized_in == os.getpid():
        return
    _finalized_in = os.getpid()
    from multiprocessing.util import Finalize

    Finalize(None, _on_exit, exitpriority=0)


def _hold_signals() -> None:
    """
    A signal that arrives during a fork waits until the child has no handler any more. The child would otherwise lose it: a
    worker of a pool would not end when the pool terminates it.
    """
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _signals)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _forget_parent() -> None:
    global _is_signaled
    _is_signaled = False
    for job in _open_jobs:
        job.is_inherited = True
    _open_jobs.clear()
    _set_handlers(_on_signal, signal.SIG_DFL)
    _release_signals()


atexit.register(_on_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_forget_parent)
