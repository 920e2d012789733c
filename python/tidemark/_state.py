"""
The state of one task: its current values, and those last reported. A tick only changes a number. A report contains the
difference, so unsent changes never need more memory than the tree, however long the server is away.

    PENDING -> RUNNING -> FINISHED, FAILED or CANCELED

The transitions are those of the server: when a task ends, its running subtasks end with it, and pending ones can't start
any more. Reports therefore never contain a transition that the server would reject.

The caller holds the lock.
"""

from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

from ._declaration import Declaration
from ._limits import ITEM_BYTES, TreePart, json_bytes
from ._text import message_text, whole_number


class Counter(Protocol):
    """Counts the units of one loop. Only the thread of that loop writes `n`, so that a tick needs no lock."""

    @property
    def n(self) -> Any:
        """Units done so far."""


class Owner(Protocol):
    """The job of a tree."""

    running: Dict["TaskState", None]
    """The leaves that may tick. Ticks are not announced: they are read when a report is built."""

    def on_changed(self, is_urgent: bool) -> None:
        """A task changed since the last report. `is_urgent`: a task started or ended."""

    def on_tasks_added(self, parent: "TaskState") -> None:
        """The server does not know all subtasks of an announced task yet."""

    def on_kind_changed(self) -> None:
        """The server has a task as a leaf that now has subtasks."""


class Reported:
    """The values of a task that have been reported or are in flight."""

    __slots__ = ("status", "done", "volume", "message", "iteration")

    def __init__(self, volume: Optional[int]) -> None:
        self.status = "PENDING"
        self.done = 0
        self.volume = volume
        self.message = ""
        self.iteration = 0


class TaskState:
    """See above."""

    __slots__ = (
        "spec", "kind", "owner", "parent", "index", "path", "subtasks", "reported", "status", "volume", "message", "iteration",
        "is_dirty", "has_ended", "is_taken", "is_left", "is_announced", "counters", "done", "_done_at_end",
        "_iteration_at_end",
    )  # fmt: skip

    def __init__(
        self, spec: Declaration, owner: Owner, parent: Optional["TaskState"] = None, index: int = 0
    ) -> None:
        self.spec = spec
        self.kind = spec.kind
        self.owner = owner
        self.parent = parent
        self.index = index
        self.path: str = "" if parent is None else f"{parent.path}.{index}" if parent.path else str(index)
        self.subtasks: Dict[int, TaskState] = {}
        """By index. Those of an iterative task are created on demand, so indexes may be missing."""
        self.volume = spec.volume
        self.reported = Reported(spec.volume)
        self.status = "PENDING"
        self.message = ""
        self.iteration = 0
        """The current iteration, from 1; 0 before the first."""
        self.is_dirty = False
        """Whether this task or one below it has unreported changes, apart from ticks."""
        self.has_ended = False
        """Whether it ended, or was skipped because a task above ended. It then never changes again."""
        self.is_taken = False
        """Whether a `with` or a loop reports its work on this task, or has."""
        self.is_left = False
        """Whether its loop was left early: if it finishes, it has no more units than were counted."""
        self.is_announced = False
        """Whether the server knows the task, or the request to create it is in flight."""
        self.counters: Tuple[Counter, ...] = ()
        self.done: float = 0
        """Units that no open counter counts."""
        self._done_at_end: Optional[int] = None
        self._iteration_at_end: Optional[int] = None
        if self.kind == "PARENT":
            self.subtasks = {at: TaskState(task, owner, self, at) for at, task in enumerate(spec.tasks)}

    @property
    def root(self) -> "TaskState":
        """The root of the tree."""
        return self if self.parent is None else self.parent.root

    # Counting

    @property
    def done_to_report(self) -> int:
        """Units of work. Those counted after the end are not reported."""
        return (whole_number(self._total()) or 0) if self._done_at_end is None else self._done_at_end

    @property
    def iteration_to_report(self) -> int:
        """The current iteration. Those that began after the end are not reported."""
        return self.iteration if self._iteration_at_end is None else self._iteration_at_end

    def start_counting(self) -> None:
        """:raises TypeError: if the task has subtasks."""
        self.become_leaf("Report progress on its leaves")
        self.begin()

    def set(self, units: float) -> None:
        self.start_counting()
        total = self._total()
        if units > total:
            self.done += units - total

    def open_counter(self, counter: Counter) -> None:
        self.counters += (counter,)

    def close_counter(self, counter: Counter) -> None:
        """Keeps what was counted."""
        if counter in self.counters:
            self.counters = tuple(one for one in self.counters if one is not counter)
            self.done += counter.n

    def _total(self) -> float:
        counted: float = sum(counter.n for counter in self.counters)
        return self.done + counted

    # Changes

    def become_leaf(self, remedy: str) -> None:
        """:raises TypeError: if the task has subtasks."""
        if self.kind == "UNDECIDED":
            self.kind = "LEAF"
        if self.kind != "LEAF":
            raise self._misused(f"is not a leaf. {remedy}")

    def take(self) -> None:
        """
        Starts the task for a `with` or a loop. If a task above has ended, the work goes on without being reported, because
        it may be what is left of a failed or canceled one.

        :raises TypeError: if the task itself or its iteration has ended: the work could not be reported.
        """
        self._reject_ended()
        self.is_taken = True
        self.begin()

    def begin(self) -> None:
        if self.has_ended or self.status != "PENDING":
            return
        if self.parent is not None:
            self.parent.begin()
        self.status = "RUNNING"
        if self.kind in ("LEAF", "UNDECIDED"):
            self.owner.running[self] = None
        self._touch(True)

    def end(self, status: str, message: Optional[str] = None) -> None:
        """Ends the task and its running subtasks. `message` is the reason."""
        if self.has_ended:
            return
        if self.kind == "UNDECIDED":
            self.kind = "LEAF"
        if message is not None:
            self.message = message_text(message)
        self.begin()
        self._keep_count(status)
        self._close(status)

    def set_volume(self, volume: float) -> None:
        self.become_leaf("Set the volumes of its leaves")
        units = whole_number(volume)
        if not self.has_ended and units is not None and units != self.volume:
            self.volume = units
            self._touch(False)

    def set_message(self, text: str) -> None:
        if not self.has_ended:
            self.message = message_text(text)
            self._touch(False)

    def begin_iteration(self) -> int:
        """Starts the next iteration, ends the previous one, and returns the new number, from 1."""
        if self.kind != "ITERATIVE":
            raise self._misused("has no iterations. Declare it with iterative()")
        if self.iteration >= self.iterations_max:
            raise self._misused(f"has started all of its {self.spec.max} iterations. Declare a larger `max`")
        self._reject_ended()
        self.begin()
        for index, subtask in list(self.subtasks.items()):
            if index < self.iteration * len(self.spec.tasks):
                subtask._settle("FINISHED")
        self.iteration += 1
        if not self.has_ended:
            self._touch(True)
        return self.iteration

    @property
    def iterations_max(self) -> float:
        return float("inf") if self.spec.max is None else self.spec.max

    @property
    def subtask_count(self) -> int:
        """The number of subtasks. For an iterative task, those of all known iterations."""
        if self.kind != "ITERATIVE":
            return len(self.subtasks)
        return len(self.spec.tasks) * (self.iteration if self.spec.max is None else self.spec.max)

    def subtask(self, index: int) -> "TaskState":
        """:param index: below `subtask_count`."""
        if index not in self.subtasks:
            self.subtasks[index] = self._repeated(index)
        return self.subtasks[index]

    def add(self, spec: Declaration) -> "TaskState":
        """
        Appends a subtask. If this task has ended, such as by a cancellation in another thread, the work goes on and is not
        reported.

        :raises TypeError: if this task can't have subtasks.
        """
        if self.has_ended:
            return self._unreported(spec)
        if self.kind == "UNDECIDED":
            self._become_parent()
        if self.kind != "PARENT":
            raise self._misused("can't have subtasks. Declare it with task()")
        if self._is_in_open_iteration():
            raise self._misused("is in an iteration without a `max`. Declare its subtasks with iterative()")
        added = TaskState(spec, self.owner, self, len(self.subtasks))
        self.subtasks[added.index] = added
        if self.is_announced:
            self.owner.on_tasks_added(self)
        self._touch(True)
        return added

    # Announcing

    def announce(self, part: TreePart) -> Dict[str, Any]:
        """Marks this subtree as announced and returns it as the server's input. Subtasks that do not fit are added later."""
        self.is_announced = True
        self.reported.volume = self.volume
        made = self.spec.to_input(self.kind, self.volume, (), part.limits)
        part.bytes_left -= ITEM_BYTES + json_bytes(made)
        if self.kind == "ITERATIVE":
            self._announce_declared()
        if self.kind == "PARENT":
            made["subTasks"] = self.announce_subtasks(part, list(self.subtasks.values()))
        return made

    def announce_subtasks(self, part: TreePart, subtasks: Sequence["TaskState"]) -> List[Dict[str, Any]]:
        """At least one, because the server takes a task that it receives without subtasks for a leaf."""
        announced: List[Dict[str, Any]] = []
        for subtask in subtasks:
            if announced and part.bytes_left < 0:
                break
            announced.append(subtask.announce(part))
        if len(announced) < len(subtasks):
            self.owner.on_tasks_added(self)
        return announced

    def reset_reported(self) -> None:
        """Marks this subtree as unreported, so that everything is sent again."""
        self.reported = Reported(self.spec.volume)
        self.is_dirty = True
        self.is_announced = False
        for subtask in self.subtasks.values():
            subtask.reset_reported()

    def mark_dirty(self) -> None:
        """The tasks above a dirty task are dirty too."""
        task: Optional[TaskState] = self
        while task is not None and not task.is_dirty:
            task.is_dirty = True
            task = task.parent

    def at(self, path: str) -> "TaskState":
        """The task at a path below, or this one if the path is empty."""
        task = self
        for index in filter(None, path.split(".")):
            task = task.subtasks[int(index)]
        return task

    def reported_path(self) -> str:
        """The path of this task, or of the nearest one above that the server knows."""
        known = task = self
        while task.parent is not None:
            if not task.parent._is_reported(task):
                known = task.parent
            task = task.parent
        return known.path

    # Helpers

    def _settle(self, status: str) -> None:
        """Ends the task because the task above it or its iteration has ended."""
        if self.has_ended:
            return
        self._keep_count(status)
        if self.status == "RUNNING":
            return self._close(status)
        self._freeze()
        self._settle_below(status)

    def _keep_count(self, status: str) -> None:
        if self.is_left and status == "FINISHED":
            self.volume = self.done_to_report

    def _close(self, status: str) -> None:
        self.status = status
        self._freeze()
        self._settle_below(status)
        self._touch(True)

    def _freeze(self) -> None:
        self.has_ended = True
        self._done_at_end = self.done_to_report
        self._iteration_at_end = self.iteration
        self.owner.running.pop(self, None)

    def _settle_below(self, status: str) -> None:
        for subtask in list(self.subtasks.values()):
            subtask._settle(status)

    def _touch(self, is_urgent: bool) -> None:
        self.mark_dirty()
        self.owner.on_changed(is_urgent)

    def _announce_declared(self) -> None:
        """An iterative task announces the tasks of all its iterations as declared. Tasks that were added are added later."""
        declared_count = len(self.spec.tasks) if self.kind == "PARENT" else len(self.subtasks)
        self.is_announced = True
        for subtask in list(self.subtasks.values())[:declared_count]:
            subtask._announce_declared()
        if len(self.subtasks) > declared_count:
            self.owner.on_tasks_added(self)

    def _become_parent(self) -> None:
        self.kind = "PARENT"
        self.owner.running.pop(self, None)
        if self.is_announced:
            self.owner.on_kind_changed()

    def _is_reported(self, subtask: "TaskState") -> bool:
        if self.kind == "ITERATIVE" and self.spec.max is None:
            return subtask.index < self.reported.iteration * len(self.spec.tasks)
        return self.subtasks.get(subtask.index) is subtask

    def _unreported(self, spec: Declaration) -> "TaskState":
        task = TaskState(spec, self.owner, self, len(self.subtasks))  # which is no subtask of this one
        task._settle("CANCELED")
        return task

    def _repeated(self, index: int) -> "TaskState":
        template = self.spec.tasks
        subtask = TaskState(template[index % len(template)], self.owner, self, index)
        if self.is_announced:
            subtask._announce_declared()
        if self.has_ended or index < (self.iteration - 1) * len(template):
            subtask._settle("CANCELED")
        return subtask

    def _reject_ended(self) -> None:
        ended = self._topmost_ended()
        if ended is not None and (ended is self or ended._is_in_past_iteration()):
            raise self._misused("has ended. Declare one for each run, and run iterations in order")

    def _topmost_ended(self) -> Optional["TaskState"]:
        above = self.parent._topmost_ended() if self.parent is not None else None
        return above or (self if self.has_ended else None)

    def _is_in_past_iteration(self) -> bool:
        """Whether the next iteration has ended the one that this task belongs to."""
        parent = self.parent
        if parent is None or parent.kind != "ITERATIVE":
            return False
        return self.index < (parent.iteration - 1) * len(parent.spec.tasks)

    def _is_in_open_iteration(self) -> bool:
        if self.kind == "ITERATIVE" and self.spec.mode == "OPEN":
            return True
        return self.parent is not None and self.parent._is_in_open_iteration()

    def _misused(self, problem: str) -> TypeError:
        return TypeError(f'Task "{self.spec.description}" {problem}.')
