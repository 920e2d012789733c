"""The limits of a server. The client keeps within them, so that a server with other settings accepts its requests."""

import json
import operator
from typing import Any, Dict

from ._text import text_of

Limits = Dict[str, int]

DEFAULT_LIMITS: Limits = {
    "queryCostMax": 200_000,
    "bodyBytesMax": 1_000_000,
    "inputsPerRequestMax": 1_000,
    "updatesPerInputMax": 100,
    "logLinesPerInputMax": 100,
    "tasksPerTreeMax": 10_000,
    "levelsPerTreeMax": 32,
    "descriptionBytesMax": 256,
    "messageTextBytesMax": 4_096,
    "logLinesPerJobMax": 200,
    "requestIdsPerAttemptMax": 64,
}
"""Those of a server with default settings, until the client has read the limits of its server."""

ITEM_BYTES = 200
"""At least the bytes of a task, an update or a log line without its texts, in JSON."""

_DOCUMENT_BYTES = 2_000
_FIELDS_PER_INPUT = 20


def json_bytes(value: Any) -> int:
    """The bytes of a value as JSON."""
    return len(to_json(value))


def to_json(value: Any) -> bytes:
    """A value as JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """A number of another library, such as NumPy, as an integer; other values as texts, which the server rejects."""
    try:
        return operator.index(value)
    except TypeError:
        return text_of(value)


def variables_bytes_max(limits: Limits) -> int:
    """The bytes of a request's variables. The rest is its document."""
    return limits["bodyBytesMax"] - _DOCUMENT_BYTES


def inputs_within(limits: Limits, wanted: int) -> int:
    """How many reports one request may have."""
    return max(1, min(wanted, limits["inputsPerRequestMax"], limits["queryCostMax"] // _FIELDS_PER_INPUT))


class TreePart:
    """
    The part of a tree that goes into one request. A tree can be larger than a request may be: then the job is stored
    with its first part, and `addTasks` adds the others, before anything is reported.
    """

    def __init__(self, limits: Limits, header: Any) -> None:
        branch = limits["levelsPerTreeMax"] * (2 * limits["descriptionBytesMax"] + ITEM_BYTES)  # must fit
        self.limits = limits
        self.bytes_left = variables_bytes_max(limits) - branch - json_bytes(header)
