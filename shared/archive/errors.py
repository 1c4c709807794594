"""What can go wrong with the archive."""

from __future__ import annotations

from shared.errors import ServerAway


class ArchiveUnavailable(ServerAway):
    """Postgres is away or not migrated yet. Wait for it; it is never the fault of an event."""


class ContentMismatch(Exception):
    """An order's version came again with other content. Two logs exist, or one was edited."""

    def __init__(self, order_id: str, version: int) -> None:
        super().__init__(f"order {order_id} has two different events of version {version}")
        self.order_id = order_id
        self.version = version


class MigrationChanged(Exception):
    """A migration that was applied already reads otherwise now. Write a new one instead."""


class RebuildRunning(Exception):
    """Another rebuild, or a migration, is changing the tables."""
