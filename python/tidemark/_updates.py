"""
Collects the unreported changes of a tree, in an order that the server accepts: the start of a task, then its subtasks,
then its end; and each iteration's start before its tasks.

All values are absolute, so updates are idempotent: if an answer is lost, the same updates are sent again.
"""

from typing import Any, Callable, Dict, Iterable, List, Set

from ._limits import ITEM_BYTES, Limits, json_bytes, variables_bytes_max
from ._state import TaskState
from ._text import shorten

Update = Dict[str, Any]


def collect_updates(root: TaskState, running: Iterable[TaskState], growing: Iterable[TaskState]) -> List[Update]:
    """
    Returns the unreported changes and marks them as reported.

    :param running: the leaves that may have ticked.
    :param growing: have subtasks that the server does not know yet. These are skipped, and so is the end of each task
        above them, because an ended task takes no subtasks.
    """
    for leaf in running:
        if leaf.done_to_report > leaf.reported.done:
            leaf.mark_dirty()
    updates: List[Update] = []
    _visit(root, updates, _with_tasks_above(growing))
    return updates


def _with_tasks_above(tasks: Iterable[TaskState]) -> Set[TaskState]:
    above: Set[TaskState] = set()
    for growing in tasks:
        task = growing
        while task not in above:
            above.add(task)
            task = task.parent or task
    return above


def _visit(task: TaskState, updates: List[Update], growing: Set[TaskState]) -> None:
    if not task.is_dirty or not task.is_announced:
        return
    task.is_dirty = is_growing = task in growing
    if not task.has_ended or task.kind == "LEAF":
        _push(updates, task)
    if task.kind == "ITERATIVE":
        _visit_iterations(task, updates, growing)
    else:
        for subtask in task.subtasks.values():
            _visit(subtask, updates, growing)
    if task.has_ended and not is_growing:
        _push(updates, task)  # of a leaf, nothing is left


def _visit_iterations(task: TaskState, updates: List[Update], growing: Set[TaskState]) -> None:
    """Reports the start of an iteration, then its tasks, then the start of the next one, which ends them."""

    def report_starts_up_to(iteration: int) -> None:
        if iteration > task.reported.iteration:
            task.reported.iteration = iteration
            updates.append({"path": task.path, "iteration": iteration})

    length = len(task.spec.tasks)
    iterations = [(index // length + 1, subtask) for index, subtask in sorted(task.subtasks.items())]
    last = next((iteration for iteration, subtask in iterations if subtask in growing), float("inf"))
    for iteration, subtask in iterations:
        if iteration <= last and subtask.is_dirty:
            report_starts_up_to(min(iteration, task.iteration_to_report))
            _visit(subtask, updates, growing)
    report_starts_up_to(int(min(last, task.iteration_to_report)))


def _push(updates: List[Update], task: TaskState) -> None:
    reported = task.reported
    own: Update = {}
    if task.volume is not None and task.volume != reported.volume:
        own["volume"] = reported.volume = task.volume
    done = task.done_to_report
    if done > reported.done:
        own["done"] = reported.done = done
    if task.message != reported.message:
        own["message"] = reported.message = task.message
    if task.status != reported.status:
        own["status"] = reported.status = task.status
    if own:
        updates.append({"path": task.path, **own})


def fit_report(
    address: Dict[str, Any], field: str, items: List[Any], limits: Limits, next_id: Callable[[], str]
) -> List[Dict[str, Any]]:
    """
    Splits a report into inputs that the server accepts, in order, and shortens their texts.

    :param field: `updates` or `log`, which `items` are for. Log lines add something, so each input gets a request id.
    """
    count_max = limits["logLinesPerInputMax" if field == "log" else "updatesPerInputMax"]
    bytes_max = variables_bytes_max(limits) - json_bytes(address) - ITEM_BYTES
    inputs: List[Dict[str, Any]] = []
    count_left = bytes_left = 0
    for item in items:
        if item.get("message"):
            item = {**item, "message": shorten(item["message"], limits["messageTextBytesMax"])}
        item_bytes = ITEM_BYTES + json_bytes(item)
        count_left -= 1
        bytes_left -= item_bytes
        if count_left < 0 or bytes_left < 0:
            inputs.append({**address, field: []})
            if field == "log":
                inputs[-1]["requestId"] = next_id()
            count_left, bytes_left = count_max - 1, bytes_max - item_bytes
        inputs[-1][field].append(item)
    return inputs
