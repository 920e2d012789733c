"""
The tree of a job, declared in one expression:

    tidemark.job(
        "PageRank",
        tidemark.leaf("load", volume=1_000),
        tidemark.iterative("iterate", tidemark.leaf("step"), max=50),
        tidemark.leaf("write"),
    )
"""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence, Tuple

from ._limits import Limits
from ._text import description_text, text_of, whole_number


@dataclass(frozen=True)
class Declaration:
    """The declaration of a task, made by `leaf`, `task` or `iterative`."""

    kind: str
    """LEAF, PARENT or ITERATIVE. UNDECIDED for the root of a job without tasks, which can still become a LEAF or a PARENT."""
    description: str
    tasks: Tuple["Declaration", ...] = ()
    volume: Optional[int] = None
    mode: str = "OPEN"
    max: Optional[int] = None
    max_concurrency: Optional[int] = None

    def to_input(self, kind: str, volume: Optional[int], tasks: Sequence[Any], limits: Limits) -> Dict[str, Any]:
        """The server's input for this task, with its current kind, volume and subtasks."""
        made: Dict[str, Any] = {"description": description_text(self.description, limits["descriptionBytesMax"])}
        if self.max_concurrency is not None:
            made["maxConcurrency"] = self.max_concurrency
        if kind == "ITERATIVE":
            made["iterations"] = {"mode": self.mode, "tasks": [task._whole(limits) for task in self.tasks]}
            if self.max is not None:
                made["iterations"]["max"] = self.max
        elif tasks:
            made["subTasks"] = list(tasks)
        elif volume is not None:
            made["volume"] = volume
        return made

    def _whole(self, limits: Limits) -> Dict[str, Any]:
        tasks = [task._whole(limits) for task in self.tasks] if self.kind == "PARENT" else []
        return self.to_input(self.kind, self.volume, tasks, limits)


def leaf(description: str, *, volume: Optional[float] = None, max_concurrency: Optional[int] = None) -> Declaration:
    """
    Declares a task that does work.

    :param volume: the number of units of work, in a unit of your choice; None while unknown.
    :param max_concurrency: how many threads or workers may run the task, from 1; None if it is not shown.
    :raises TypeError: if the volume is not a number from 0.
    """
    units = whole_number(volume)
    if volume is not None and units is None:
        raise TypeError(f"Invalid volume {volume!r} of task {description!r}: expected a number from 0.")
    return Declaration("LEAF", text_of(description), volume=units, max_concurrency=max_concurrency)


def task(description: str, *tasks: Declaration, max_concurrency: Optional[int] = None) -> Declaration:
    """
    Declares a task that consists of subtasks. More can be added while it runs.

    :raises TypeError: without subtasks.
    """
    return Declaration("PARENT", text_of(description), _checked(description, tasks), max_concurrency=max_concurrency)


def iterative(
    description: str,
    *tasks: Declaration,
    max: Optional[int] = None,
    exact: bool = False,
    max_concurrency: Optional[int] = None,
) -> Declaration:
    """
    Declares a task that repeats its subtasks.

    :param max: the maximum number of iterations; None if there is no limit.
    :param exact: whether there are exactly `max` iterations.
    :raises TypeError: without subtasks, and if `exact` has no `max`.
    """
    if exact and max is None:
        raise TypeError(f"Task {description!r} has an exact number of iterations: pass it as `max`.")
    mode = "OPEN" if max is None else "FIXED" if exact else "DYNAMIC"
    checked = _checked(description, tasks)
    return Declaration("ITERATIVE", text_of(description), checked, None, mode, max, max_concurrency)


def _checked(description: str, tasks: Tuple[Declaration, ...]) -> Tuple[Declaration, ...]:
    if not tasks:
        raise TypeError(f"Task {description!r} has no subtasks. Declare one, or use leaf().")
    for one in tasks:
        if not isinstance(one, Declaration):
            raise TypeError(f"Task {description!r} can't have the subtask {one!r}: use leaf(), task() or iterative().")
    return tasks
