"""What can go wrong with the archive."""

from __future__ import annotations

from shared.errors import ServerAway


class ArchiveUnavailable(ServerAway):
    """Postgres is away or not migrated yet. Wait for it; it is never the fault of an event."""


class ArchiveUnusable(ArchiveUnavailable):
    """Postgres answers and cannot be used as it is. The message says what to do about that."""


class MigrationChanged(Exception):
    """A migration that was applied already reads otherwise now. Write a new one instead."""


class RebuildRunning(Exception):
    """Another rebuild, or a migration, is changing the tables."""
