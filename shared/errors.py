"""The one kind of bad news that every part shares."""

from __future__ import annotations


class ServerAway(Exception):
    """Redis, Postgres or a venue's network does not answer. Wait for it.

    It is never the fault of an event, so it never counts as an attempt.
    """

    @property
    def told(self) -> str:
        """Return it as clients may hear it: without the addresses of servers."""
        return str(self) or type(self).__name__
