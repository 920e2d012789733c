"""
Selects a task by its name or its index. Several tasks may have the same name: each `with` and each tracked loop takes the next
one, because a task reports one piece of work. If there is none left, the work could not be reported, so the selection fails.
"""

from typing import Callable, NamedTuple, Optional, Union

from ._state import TaskState

NAMES_MAX = 10
"""The number of names in a message."""

Selector = Union[str, int]


class TaskRange(NamedTuple):
    """Consecutive subtasks of a task: all of them, or those of one iteration."""

    parent: TaskState
    first: int
    length: int


def all_subtasks(parent: TaskState) -> TaskRange:
    """All subtasks of a task."""
    return TaskRange(parent, 0, parent.subtask_count)


def iteration_of(parent: TaskState) -> TaskRange:
    """The subtasks of an iterative task in its current iteration."""
    length = len(parent.spec.tasks)
    return TaskRange(parent, (parent.iteration - 1) * length, length)


def select_task(tasks: TaskRange, selector: Selector) -> TaskState:
    """
    The task at an index, or the first one of a name that has not ended, or else the first one of that name.

    :raises TypeError: if there is none.
    """
    if isinstance(selector, int):
        return _task_at(tasks, selector)
    found = _find(tasks, selector, lambda task: not task.has_ended) or _find(tasks, selector)
    if found is None:
        raise _no_task(tasks, selector)
    return found


def take_task(tasks: TaskRange, selector: Selector) -> TaskState:
    """
    The task at an index, or the first one of a name that is free. If the task above has ended, nothing below it can be
    reported: then any one of that name.

    :raises TypeError: if there is none.
    """
    if tasks.parent.has_ended or isinstance(selector, int):
        return select_task(tasks, selector)
    found = find_free(tasks, selector)
    if found is None:
        raise _no_task(tasks, selector, "pending " if _find(tasks, selector) else "")
    return found


def find_free(tasks: TaskRange, name: str) -> Optional[TaskState]:
    """The first task of a name that has not ended, and that no `with` and no loop has taken; None if there is none."""
    return _find(tasks, name, lambda task: not task.has_ended and not task.is_taken)


def only_leaf_of(task: TaskState) -> Optional[TaskState]:
    """The task itself if it is a leaf, or the only leaf below it; None if there are several, or iterations."""
    if task.kind in ("LEAF", "UNDECIDED"):
        return task
    subtasks = list(task.subtasks.values()) if task.kind == "PARENT" else []
    return only_leaf_of(subtasks[0]) if len(subtasks) == 1 else None


def _task_at(tasks: TaskRange, index: int) -> TaskState:
    if 0 <= index < tasks.length:
        return tasks.parent.subtask(tasks.first + index)
    raise _no_task(tasks, index)


def _find(
    tasks: TaskRange, name: str, is_wanted: Callable[[TaskState], bool] = lambda task: True
) -> Optional[TaskState]:
    for index in range(tasks.first, tasks.first + tasks.length):
        task = tasks.parent.subtask(index)
        if task.spec.description == name and is_wanted(task):
            return task
    return None


def _no_task(tasks: TaskRange, selector: Selector, state: str = "") -> TypeError:
    """:param state: `pending ` if there are tasks of that name, but none is left."""
    parent = tasks.parent
    is_iterative = parent.kind == "ITERATIVE"
    specs = parent.spec.tasks if is_iterative else [task.spec for task in parent.subtasks.values()]
    names = list(dict.fromkeys(f'"{spec.description}"' for spec in specs))
    known = ", ".join(names[:NAMES_MAX]) + (", …" if len(names) > NAMES_MAX else "")
    wanted = f"at index {selector}" if isinstance(selector, int) else f'"{selector}"'
    remedy = "in iterative()" if is_iterative else "or call add()"
    return TypeError(
        f'Task "{parent.spec.description}" has no {state}subtask {wanted}. '
        f"Its subtasks: {known or 'none'}. Declare another one {remedy}."
    )
