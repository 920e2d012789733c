"""
The bar of tqdm, which also reports what it counts:

    from tidemark.tqdm import tqdm

    for row in tqdm(rows, desc="read"):
        ...

If tqdm is installed, this is a subclass of it and looks the same; otherwise it prints nothing. Inside of a `with tidemark.job(…)`,
a bar is a task of that job. Bars outside of any job are tasks of one job together. It is named after the script, and ends with the process.

A loop costs what it costs with tqdm: the report moves when the bar does, at most every 0.1 s.
"""

import logging
import os
import sys
import threading
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Generic, Iterable, Iterator, Optional, Type, TypeVar, overload

from ._declaration import leaf as declare_leaf
from ._exit import is_interactive
from ._job import Job, current_job, settings
from ._lock import LOCK
from ._task import Task
from ._text import text_of

Item = TypeVar("Item")

LEAVES_MAX = 1_000
"""The tasks that bars add to a job. Further bars share one, or a loop in a loop would make a tree of any size."""
SHARED_LEAF = "further loops"
GRACE_SECONDS = 30.0
"""How long the job of an interactive session waits for another bar."""


class SilentBar(Generic[Item]):
    """The part of tqdm that programs use most, without a display."""

    def __init__(
        self,
        iterable: Optional[Iterable[Item]] = None,
        desc: Optional[str] = None,
        total: Optional[float] = None,
        *_: Any,
        disable: bool = False,
        initial: float = 0,
        **__: Any,
    ) -> None:
        self.iterable: Optional[Iterable[Item]] = iterable
        self.desc = desc or ""
        self.n: float = initial
        self.disable = disable
        self.total = len(iterable) if total is None and hasattr(iterable, "__len__") else total  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Item]:
        try:
            for item in () if self.iterable is None else self.iterable:
                yield item
                self.update()
        finally:
            self.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self.total or 0)

    def __bool__(self) -> bool:
        return True

    def update(self, n: Optional[float] = 1) -> Optional[bool]:
        self.n += n or 0
        return None

    def reset(self, total: Optional[float] = None) -> None:
        self.n = 0
        self.total = self.total if total is None else total

    def close(self) -> None:
        pass

    def set_description(self, desc: Optional[str] = None, refresh: Optional[bool] = True) -> None:
        self.desc = desc or ""

    set_description_str = set_description

    def set_postfix(self, ordered_dict: Any = None, refresh: Optional[bool] = True, **values: Any) -> None:
        pass

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        pass

    def refresh(self, *_: Any, **__: Any) -> None:
        pass

    clear = display = unpause = refresh

    @classmethod
    def pandas(cls, *_: Any, **__: Any) -> None:
        raise ImportError("tqdm.pandas() needs tqdm itself. Install it: pip install tqdm")

    @classmethod
    def write(cls, s: str, file: Any = None, end: str = "\n", nolock: bool = False) -> None:
        print(s, file=file, end=end)


if TYPE_CHECKING:
    Bar = SilentBar
else:
    try:
        from tqdm import tqdm as InstalledBar
    except ImportError:
        Bar = SilentBar
    else:

        class Bar(InstalledBar):
            __class_getitem__ = classmethod(lambda cls, _: cls)


class tqdm(Bar[Item]):
    """See above. The arguments are those of tqdm."""

    @overload
    def __init__(self: "tqdm[Any]", iterable: None = None, *args: Any, **options: Any) -> None: ...

    @overload
    def __init__(self, iterable: Iterable[Item], *args: Any, **options: Any) -> None: ...

    def __init__(
        self,
        iterable: Optional[Iterable[Item]] = None,
        desc: Optional[str] = None,
        total: Optional[float] = None,
        *args: Any,
        **options: Any,
    ) -> None:
        self._leaf: Optional[BarLeaf] = None
        self._is_left = False
        super().__init__(iterable, desc, total, *args, **options)
        self._source = self.iterable
        self._leaf = _open_leaf(self, desc)

    def __iter__(self) -> Iterator[Item]:
        self._is_left = True
        self.iterable = chain(() if self._source is None else self._source, self._exhausted())
        return self._count() if self.disable else super().__iter__()

    def update(self, n: Optional[float] = 1) -> Optional[bool]:
        if self._leaf is not None:
            self._leaf.raise_if_cancelled()
            self._leaf.set_total(self.total)
        shown: Optional[bool] = None
        if self.disable:
            self.n += n or 0
        else:
            shown = super().update(n)
        if self._leaf is not None:
            self._leaf.count(self.n)
        return shown

    def close(self) -> None:
        super().close()
        leaf, self._leaf = self._leaf, None
        if leaf is not None:
            leaf.count(self.n)
            leaf.close(self._is_left)

    def set_description(self, desc: Optional[str] = None, refresh: Optional[bool] = True) -> None:
        super().set_description(desc, refresh)
        self._show(desc)

    def set_postfix(self, ordered_dict: Any = None, refresh: Optional[bool] = True, **values: Any) -> None:
        super().set_postfix(ordered_dict, refresh, **values)
        shown: Dict[Any, Any] = {**dict(ordered_dict or {}), **values}
        self._show(", ".join(f"{name}={text_of(value)}" for name, value in shown.items()))

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        super().set_postfix_str(s, refresh)
        self._show(s)

    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> None:
        self._is_left = self._is_left or error is not None
        super().__exit__(kind, error, traceback)

    def _show(self, text: Optional[str]) -> None:
        if self._leaf is not None:
            self._leaf.task.message(text or "")

    def _exhausted(self) -> Iterator[Item]:
        """The end of the items, which a loop reaches unless it is left early. Costs nothing per item."""
        self._is_left = False
        yield from ()

    def _count(self) -> Iterator[Item]:
        """A disabled bar of tqdm does not count."""
        try:
            for item in () if self.iterable is None else self.iterable:
                yield item
                self.update(1)
        finally:
            self.close()


def trange(*args: int, **options: Any) -> "tqdm[int]":
    """A shortcut for `tqdm(range(*args), **options)`."""
    return tqdm(range(*args), **options)


class BarLeaf:
    """The task of one bar."""

    def __init__(self, job: Job, task: Task) -> None:
        self.task = task
        self.n: float = 0
        self._job = job
        self._total: Optional[float] = None

    def count(self, n: float) -> None:
        """A bar that is reset counts on from its highest count."""
        self.n = max(self.n, n)

    @property
    def is_shared(self) -> bool:
        return self.task.description == SHARED_LEAF

    def raise_if_cancelled(self) -> None:
        self._job.raise_if_cancelled()

    def set_total(self, total: Optional[float]) -> None:
        if total is not None and total != self._total:
            with LOCK:
                known = self.task._state.volume or 0
                self.task.volume(known - (self._total or 0) + total if self.is_shared else total)
            self._total = total

    def close(self, is_left: bool) -> None:
        with LOCK:
            self.task._state.close_counter(self)
            self.task._state.is_left = True  # it has no more units than were counted
            if not is_left and not self.is_shared:
                self.task.finish()
        if isinstance(self._job, BarsJob):
            self._job.bar_closed()


class BarsJob(Job):
    """
    The job of the bars outside of any job. It ends with the process, because another bar may follow. In an interactive session,
    it ends once no bar has been open for a while.
    """

    bars = 0
    _timer: Optional[threading.Timer] = None

    def bar_opened(self) -> None:
        self.bars += 1
        if self._timer is not None:
            self._timer.cancel()

    def bar_closed(self) -> None:
        with LOCK:
            self.bars -= 1
            if self.cancelled:
                self._end("CANCELED", str(self.canceled))
            elif self.bars == 0 and is_interactive():
                self._timer = threading.Timer(GRACE_SECONDS, self._finish_if_idle)
                self._timer.daemon = True
                self._timer.start()

    def _finish_if_idle(self) -> None:
        with LOCK:
            if self.bars == 0:
                self.finish()

    def end_with_process(self, status: str, reason: Optional[str]) -> None:
        if reason is None:
            self.finish()
        else:
            super().end_with_process(status, reason)


_bars_job: Optional[BarsJob] = None


def _open_leaf(bar: Any, desc: Optional[str]) -> Optional[BarLeaf]:
    """None if the bar can't be reported, as the job itself counts and has no tasks."""
    with LOCK:
        job = current_job() or _job_of_bars()
        try:
            task = _task_for((desc or "").rstrip(": ") or "loop", job)
        except TypeError as error:
            job._reporter.say(logging.WARNING, f"A bar is not reported: {error}")
            return None
        leaf = BarLeaf(job, task)
        leaf.set_total(bar.total)
        leaf.count(bar.n)
        task._state.take()
        task._state.open_counter(leaf)
        if isinstance(job, BarsJob):
            job.bar_opened()
        return leaf


def _task_for(name: str, job: Job) -> Task:
    subtasks = job._sync.root.subtasks.values()
    if len(subtasks) < LEAVES_MAX:
        state = job._free_leaf(name)
        state.become_leaf("Use another name")
        return job._handle(state)
    shared = [task for task in subtasks if task.spec.description == SHARED_LEAF and not task.has_ended]
    return job._handle(shared[0]) if shared else job.add(declare_leaf(SHARED_LEAF))


def _job_of_bars() -> BarsJob:
    global _bars_job
    if _bars_job is None or _bars_job._sync.has_ended or _bars_job._reporter.is_abandoned:
        _bars_job = BarsJob(*settings(os.path.basename(sys.argv[0]) or "python"))
        _bars_job.begin()
    return _bars_job
