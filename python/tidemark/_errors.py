"""Errors: the one that programs see, and the one that the client handles itself."""

from typing import Optional

TRANSIENT_LIMITS = frozenset(
    (
        "connectionsMax",
        "connectionsPerAddressMax",
        "connectionsPerUserMax",
        "subscriptionsPerUserMax",
        "operationsPerSecondMax",
        "mutationsPerSecondMax",
        "changesWaitingMax",
        "memoryMax",
        "memoryPerDatabaseMax",
        "memoryPerUserMax",
    )
)
"""The limits that depend on the load of the server, so that the same request may succeed later."""


class JobCanceled(Exception):
    """
    Raised in the loops of a canceled job. A user requested it on the server, or the program called `Job.cancel`.

    :ivar by: the user who requested it; None if the program itself did.
    :ivar reason: the reason that was given, if any.
    """

    def __init__(self, by: Optional[str] = None, reason: Optional[str] = None) -> None:
        super().__init__(by, reason)
        self.by = by
        self.reason = reason

    def __str__(self) -> str:
        if self.by is None:
            return self.reason or "Canceled"
        return f"Canceled at the request of {self.by}" + (f": {self.reason}" if self.reason else "")


class RequestError(Exception):
    """A request that the server rejected, or did not answer. Programs never see it: the client logs it."""

    def __init__(
        self,
        code: str,
        message: str,
        limit: Optional[str] = None,
        retry_after_ms: float = 0,
        applied: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.limit = limit
        self.retry_after_ms = retry_after_ms
        self.applied = applied
        """Whether the change was applied, although the server could not build its answer."""

    @property
    def is_server_unavailable(self) -> bool:
        """Whether the server takes requests of nobody now, so that another one should be tried."""
        return self.code == "UNAVAILABLE" or self.limit == "connectionsMax"

    @property
    def is_busy(self) -> bool:
        """Whether the server works but can't take the request now, so that waiting for it makes sense."""
        return self.code == "LIMIT_EXCEEDED" and self.limit in TRANSIENT_LIMITS

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.is_busy or self.code in ("UNAVAILABLE", "INTERNAL", "UNAUTHENTICATED")

    @property
    def is_fatal(self) -> bool:
        """Whether the server would reject every further report of the job too."""
        return self.code in ("STALE_ATTEMPT", "NOT_FOUND", "FORBIDDEN")


class SettingsError(RequestError):
    """A request that can't be sent with the address or the token that the program passed, now or later."""
