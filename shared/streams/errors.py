"""What can go wrong with the log."""

from __future__ import annotations

from shared.errors import ServerAway


class LogUnavailable(ServerAway):
    """Redis is away, or refuses for now. Wait for it; it is never the fault of an event.

    `maybe_applied` tells whether the command may have been carried out all the same, `refused`
    whether Redis itself said no, `told` what clients may hear of it if not the detail.
    """

    def __init__(
        self, detail: str, *, maybe_applied: bool, refused: bool = False, told: str = ""
    ) -> None:
        super().__init__(detail)
        self.maybe_applied = maybe_applied
        self.refused = refused
        self._told = told

    @property
    def told(self) -> str:
        """Return it as clients may hear it: without the addresses of servers."""
        return self._told or super().told


class UnfitServer(LogUnavailable):
    """What REDIS_URL names cannot hold a log. A service does not start on it.

    One that runs waits: its server may have been exchanged, and may be again.
    """


class LogBehind(ServerAway):
    """Redis has lost what it had acknowledged. Wait until a person has seen to it."""


class GroupMissing(Exception):
    """A consumer group or its stream is gone: somebody deleted it, or Redis lost data."""


class HistoryMissing(Exception):
    """The log has not all of an order's events up to the one a step is about.

    Redis lost them, or the order has ended and left Redis. It is no attempt of the step.
    """


class WrongPartitions(Exception):
    """The log was made with another number of partitions."""
