"""Converts values to what the server accepts, so that an odd number or a long text does not cost a report."""

import math
import re
import unicodedata
from typing import Any, List, Optional

SAFE_INTEGER_MAX = 2**53 - 1
MESSAGE_BYTES_MAX = 4_096
ERRORS_MAX = 8
"""The errors and causes that a reason names, so that it stays readable."""

_ELLIPSIS = "…".encode()
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNPRINTABLE = re.compile(r"(?:[\x00-\x08\x0b-\x1f\x7f-\x9f](?:\[[\d;]*m)?)+")


def shorten(text: str, bytes_max: int) -> str:
    """Cuts a long text between characters, and ends it with an ellipsis. A lone surrogate becomes a question mark."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    end = _ELLIPSIS if bytes_max > len(_ELLIPSIS) else b""
    return (encoded[: bytes_max - len(end)].decode("utf-8", "ignore").encode() + end).decode()


def message_text(value: object) -> str:
    """A message to hold until it is sent, when it may be shortened further."""
    return shorten(text_of(value), MESSAGE_BYTES_MAX)


def description_text(text: str, bytes_max: int) -> str:
    """Replaces control characters, shortens the text to the limit, and replaces an empty one."""
    printable = _CONTROL.sub(" ", unicodedata.normalize("NFC", text))
    return shorten(printable, bytes_max) or shorten("task", bytes_max)


def is_units(value: Any) -> bool:
    """Whether a value is a number of units: 0, or a positive number. Never raises."""
    try:
        return bool(value >= 0)
    except Exception:
        return False


def whole_number(value: Any) -> Optional[int]:
    """Rounds down and caps at the largest number in JSON; None for negative numbers, NaN and other values."""
    try:
        if not value >= 0:
            return None
        return SAFE_INTEGER_MAX if value > SAFE_INTEGER_MAX else math.floor(value)
    except Exception:  # a number of any library
        return None


def text_of(value: object) -> str:
    """Converts any value to text. Never raises."""
    try:
        return str(value)
    except Exception:
        return f"a {type(value).__name__} that has no text"


def failure_reason(error: BaseException) -> str:
    """
    Describes an error and its causes, such as `ImportError: no rows: caused by ConnectionRefusedError`. Never raises.
    """
    text = _UNPRINTABLE.sub(" ", _describe(error, [])).strip()
    return message_text(text)


def _describe(error: BaseException, seen: List[BaseException]) -> str:
    seen.append(error)
    message = text_of(error)[:MESSAGE_BYTES_MAX]
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    parts = getattr(error, "exceptions", ())  # of an ExceptionGroup
    for separator, other in [("; ", part) for part in parts] + [(": caused by ", _cause_of(error))]:
        if isinstance(other, BaseException) and other not in seen and len(seen) < ERRORS_MAX:
            text += separator + _describe(other, seen)
    return text


def _cause_of(error: BaseException) -> Optional[BaseException]:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
