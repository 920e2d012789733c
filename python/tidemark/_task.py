"""
The tasks of a job as programs see them. Their methods never wait for the server, and raise only on misuse.

    with job.run("load") as load:
        for row in rows:
            load.advance()
"""

import traceback
from types import TracebackType
from typing import (
    Any,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Optional,
    Protocol,
    Type,
    TypeVar,
    Union,
)

from ._declaration import Declaration, leaf
from ._errors import JobCanceled
from ._lock import LOCK
from ._select import all_subtasks, find_free, iteration_of, only_leaf_of, select_task, take_task
from ._state import TaskState
from ._text import failure_reason, is_units, message_text, text_of

Item = TypeVar("Item")
AnyTask = TypeVar("AnyTask", bound="Task")

PROGRESS_UNITS = 1_000
"""The volume of a leaf that reports a fraction and has no other volume."""


class Scope(Protocol):
    """The part of a job that its tasks use."""

    canceled: Optional[JobCanceled]
    is_inherited: bool
    """Whether this process is a child of the one that began the job, and does not report it."""

    def on_inherited(self) -> None:
        """An inherited job was to count. The caller does not hold the lock."""

    def write_log(self, task: TaskState, level: str, message: str) -> None:
        """Adds a line to the log of the job."""

    def on_ignored(self, problem: str) -> None:
        """A call had a value that means nothing, and was ignored. The caller holds the lock."""


class TaskLog:
    """
    The log of the job. Each line names a task.

    Messages may have arguments, as those of `logging` do, and are cut to 4,096 bytes. At most 100 lines wait for a server that
    does not answer.
    """

    def __init__(self, write: Callable[[str, str], None]) -> None:
        self._write = write

    def __call__(self, message: object, *args: object) -> None:
        """Adds a line of general interest, like `info`."""
        self.info(message, *args)

    def debug(self, message: object, *args: object) -> None:
        """Adds a line with details for debugging."""
        self._write("DEBUG", _formatted(message, args))

    def info(self, message: object, *args: object) -> None:
        """Adds a line of general interest."""
        self._write("INFO", _formatted(message, args))

    def warning(self, message: object, *args: object) -> None:
        """Adds a line about a problem that deserves attention."""
        self._write("WARNING", _formatted(message, args))

    warn = warning

    def error(self, message: object, *args: object) -> None:
        """Adds a line about an error. The task continues; use `fail` to end it."""
        self._write("ERROR", _formatted(message, args))

    critical = error

    def exception(self, message: object, *args: object) -> None:
        """Adds a line like `error`, with the traceback of the error that is being handled."""
        self._write("ERROR", message_text(f"{_formatted(message, args)}\n{traceback.format_exc().rstrip()}"))


class Task:
    """One task of a job. As a context manager, it starts the task, and ends it with the block."""

    def __init__(self, state: TaskState, scope: Scope) -> None:
        """Called by the job."""
        self._state = state
        self._scope = scope

    @property
    def description(self) -> str:
        """The name that the task was declared with."""
        return self._state.spec.description

    @property
    def path(self) -> str:
        """The position in the tree: child indexes from 0, joined by dots, such as `0.2`. Empty for the root."""
        return self._state.path

    @property
    def log(self) -> TaskLog:
        """The log of the job. Each line that is written here names this task."""
        return TaskLog(lambda level, message: self._scope.write_log(self._state, level, message))

    @property
    def has_job_ended(self) -> bool:
        """Whether the job of the task has ended."""
        return self._state.root.has_ended

    def advance(self, units: float = 1) -> None:
        """
        Adds completed units of work. Starts the task if necessary. A value that is not a number from 0 is ignored, with a
        warning.

        :raises TypeError: if the task has subtasks.
        """
        state = self._state
        if self._scope.is_inherited:
            self._scope.on_inherited()
        with LOCK:
            if state.status != "RUNNING" or state.kind != "LEAF":
                state.start_counting()
            if is_units(units):
                state.done += units
            else:
                self._ignore("advance", units)

    def set(self, units: float) -> None:
        """
        Sets the total of completed units. Starts the task if necessary. A total below the current one is ignored, and so is a
        value that is not a number from 0, with a warning.

        :raises TypeError: if the task has subtasks.
        """
        if self._scope.is_inherited:
            self._scope.on_inherited()
        with LOCK:
            if not is_units(units):
                self._ignore("set", units)
            self._state.set(units if is_units(units) else 0)

    def progress(self, fraction: float) -> None:
        """
        Sets how much is done, from 0 to 1: of the volume, or of 1,000 units if there is none. A value that is not a fraction,
        such as 40 for 40%, is ignored, with a warning.

        :raises TypeError: if the task has subtasks.
        """
        if self._scope.is_inherited:
            self._scope.on_inherited()
        with LOCK:
            if not is_units(fraction) or fraction > 1:
                return self._ignore("progress", fraction, "a fraction from 0 to 1, such as 0.4 for 40%")
            if self._state.volume is None:
                self._state.set_volume(PROGRESS_UNITS)
            self._state.set(round(fraction * (self._state.volume or 0), 6))

    def volume(self, units: float) -> None:
        """
        Sets the number of units in total, once it is known or known more exactly. A value that is not a number from 0 is
        ignored, with a warning.

        :raises TypeError: if the task has subtasks.
        """
        with LOCK:
            if is_units(units):
                self._state.set_volume(units)
            else:
                self._ignore("volume", units)

    def message(self, text: object) -> None:
        """Sets the current message of the task, shortened to 4,096 bytes, or to the limit of the server. "" clears it."""
        with LOCK:
            self._state.set_message(text_of(text))

    def track(
        self, items: Iterable[Item], description: Optional[str] = None, *, volume: Optional[float] = None
    ) -> Iterator[Item]:
        """
        Wraps an iterable so that a loop over it reports its progress. An item counts as done once the loop requests the next
        one.

            for row in job.track(rows, "read"):
                ...

        The leaf ends with the iterable. If the loop exits early, the leaf ends with the task above it, with what was counted
        as its volume. If the job is canceled, the next iteration raises `JobCanceled`.

        :param description: counts on the first leaf of this name below the task that no other loop has taken; if there is
            none, it is added. None counts on this task, or on the only leaf below it.
        :param volume: the number of items; default: their `len()`, if they have one.
        :raises TypeError: if this task has several leaves and there is no description, or if the leaf can't be added.
        """
        return self._to_count(description, _length_of(items) if volume is None else volume).count(items)

    def track_async(
        self, items: AsyncIterable[Item], description: Optional[str] = None, *, volume: Optional[float] = None
    ) -> AsyncIterator[Item]:
        """Counts the items of an `async for` loop, like `track`."""
        return self._to_count(description, volume).count_async(items)

    def sub(self, selector: Union[str, int]) -> "Task":
        """
        Returns a subtask by its description or by its index from 0. If several have the same description, the first that has
        not ended.

        :raises TypeError: if there is no such subtask.
        """
        with LOCK:
            return self._handle(select_task(all_subtasks(self._state), selector))

    def run(self, selector: Union[str, int]) -> "Task":
        """
        Takes a subtask for a `with` block. If several have the same description, each run takes the next one.

            with job.run("write") as write:
                write.advance(500)

        :raises TypeError: if there is no such subtask, or each one of this description has been taken.
        """
        with LOCK:
            return self._handle(_taken(take_task(all_subtasks(self._state), selector)))

    def add(self, declaration: Declaration, *others: Declaration) -> "Task":
        """
        Appends subtasks, also while the task runs, and returns the first one.

        :raises TypeError: if the task can't have subtasks, or is in an iteration without a `max`.
        """
        with LOCK:
            first = self._state.add(declaration)
            for other in others:
                self._state.add(other)
            return self._handle(first)

    def next(self) -> "Iteration":
        """
        Starts the next iteration and ends the previous one.

        :raises TypeError: if the task was not declared with `iterative()`, or all its iterations have started.
        """
        with LOCK:
            return Iteration(self._state.begin_iteration(), self)

    def iterations(self) -> Iterator["Iteration"]:
        """
        Starts one iteration after another, up to the declared maximum. To stop sooner, leave the loop. If the job is canceled,
        the next iteration raises `JobCanceled`.

            for iteration in task.iterations():
                with iteration.run("step") as step:
                    step.advance()
        """
        while True:
            if self._scope.canceled is not None:
                raise self._scope.canceled
            if self._state.has_ended or self._state.iteration >= self._state.iterations_max:
                return
            yield self.next()

    def begin(self) -> None:
        """Starts the task and the tasks above it. Has no effect if it has already started."""
        with LOCK:
            self._state.begin()

    def finish(self) -> None:
        """Ends the task and its running subtasks as FINISHED, and completes a leaf. Has no effect after its end."""
        self._end("FINISHED")

    def fail(self, error: object) -> None:
        """Ends the task and its running subtasks as FAILED, with the error and its causes. Has no effect after its end."""
        self._end("FAILED", failure_reason(error) if isinstance(error, BaseException) else text_of(error))

    def cancel(self, reason: Optional[str] = None) -> None:
        """Ends the task and its running subtasks as CANCELED. Has no effect after its end."""
        self._end("CANCELED", reason)

    def __enter__(self: AnyTask) -> AnyTask:
        with LOCK:
            self._state.take()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        _: Optional[TracebackType],
    ) -> None:
        self._end_by(error)

    async def __aenter__(self) -> None:
        raise TypeError(f'Task "{self.description}" cannot be used in `async with`: use `with`, also in async code.')

    async def __aexit__(self, *_: object) -> None:
        """Never called."""

    def _ignore(self, method: str, value: object, expected: str = "a number from 0") -> None:
        call = f"{method}({text_of(value)})"
        self._scope.on_ignored(f'Ignored {call} of task "{self.description}": expected {expected}.')

    def _end(self, status: str, reason: Optional[str] = None) -> None:
        with LOCK:
            self._state.end(status, reason)

    def _end_by(self, error: Optional[BaseException]) -> None:
        """Ends the task as its work ended."""
        canceled = self._scope.canceled
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self._end("FINISHED")
        elif canceled is not None:
            self._end("CANCELED", str(canceled))
        elif isinstance(error, KeyboardInterrupt):
            self._end("CANCELED", "Interrupted by SIGINT")
        elif isinstance(error, SystemExit) and isinstance(error.code, str):
            self._end("FAILED", f"exited: {error.code}")
        elif isinstance(error, SystemExit):
            self._end("FAILED", f"The process exited with code {text_of(error.code)} while the job was running")
        elif isinstance(error, JobCanceled):
            self._end("CANCELED", str(error))
        else:  # such as asyncio.CancelledError and GeneratorExit
            self._end("FAILED" if isinstance(error, Exception) else "CANCELED", failure_reason(error))

    def _to_count(self, description: Optional[str], volume: Optional[float]) -> "Loop":
        if self._scope.is_inherited:
            self._scope.on_inherited()
        with LOCK:
            state = (only_leaf_of(self._state) or self._state) if description is None else self._free_leaf(description)
            state.become_leaf("Name a task below it")
            state.is_taken = True  # at once, so that the next loop takes another one
            if volume is not None:
                state.set_volume(volume)
            return Loop(self._handle(state))

    def _free_leaf(self, description: str) -> TaskState:
        free = find_free(all_subtasks(self._state), description)
        return self._state.add(leaf(description)) if free is None else free

    def _handle(self, state: TaskState) -> "Task":
        return Task(state, self._scope)


class Iteration:
    """One iteration of an iterative task. It ends when the next iteration starts or the iterative task ends."""

    def __init__(self, number: int, task: Task) -> None:
        """Called by `Task.next`."""
        self.number = number
        """The number of the iteration, from 1."""
        self._task = task
        self._subtasks = iteration_of(task._state)

    @property
    def log(self) -> TaskLog:
        """The log of the job. Each line that is written here names the iterative task."""
        return self._task.log

    def sub(self, selector: Union[str, int]) -> Task:
        """Returns a task of this iteration, like `Task.sub`."""
        with LOCK:
            return self._task._handle(select_task(self._subtasks, selector))

    def run(self, selector: Union[str, int]) -> Task:
        """Takes a task of this iteration for a `with` block, like `Task.run`."""
        with LOCK:
            return self._task._handle(_taken(take_task(self._subtasks, selector)))

    def track(
        self, items: Iterable[Item], selector: Union[str, int], *, volume: Optional[float] = None
    ) -> Iterator[Item]:
        """Counts the items of a loop on a leaf of this iteration, like `Task.track`."""
        return self.run(selector).track(items, volume=volume)


class Loop:
    """Counts the items of one loop. Only its thread writes `n`, so a tick needs no lock."""

    __slots__ = ("n", "_task")

    def __init__(self, task: Task) -> None:
        self.n = 0
        self._task = task

    def count(self, items: Iterable[Item]) -> Iterator[Item]:
        scope = self._task._scope
        self._open()
        try:
            for n, item in enumerate(items, 1):
                if scope.canceled is not None:
                    raise scope.canceled
                yield item
                self.n = n
        except BaseException as error:
            self._close(error)
            raise
        self._close(None)

    async def count_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        scope = self._task._scope
        self._open()
        try:
            async for item in items:
                if scope.canceled is not None:
                    raise scope.canceled
                yield item
                self.n += 1
        except BaseException as error:
            self._close(error)
            raise
        self._close(None)

    def _open(self) -> None:
        with LOCK:
            self._task._state.take()
            self._task._state.open_counter(self)

    def _close(self, error: Optional[BaseException]) -> None:
        with LOCK:
            self._task._state.close_counter(self)
            if isinstance(error, GeneratorExit):
                self._task._state.is_left = True
            else:
                self._task._end_by(error)


def _taken(state: TaskState) -> TaskState:
    state.is_taken = True
    return state


def _length_of(items: Any) -> Optional[int]:
    try:
        return len(items)
    except Exception:
        return None


def _formatted(message: object, args: Any) -> str:
    text = text_of(message)
    try:
        return message_text(text % args if args else text)
    except Exception:
        return message_text(" ".join([text, *map(text_of, args)]))
