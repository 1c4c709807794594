"""What can go wrong with the archive."""

from __future__ import annotations

from shared.errors import ServerAway


class ArchiveUnavailable(ServerAway):
    """Postgres is away or not migrated yet. Wait for it; it is never the fault of an event."""

    @property
    def told(self) -> str:
        """Return it as clients may hear it: psycopg's words name hosts, users and files."""
        return "it cannot be reached"


class ArchiveUnusable(ArchiveUnavailable):
    """Postgres answers and cannot be used as it is. The message says what to do about that."""

    @property
    def told(self) -> str:
        """Return the message, which names no address."""
        return str(self)


class MigrationChanged(Exception):
    """A migration that was applied already reads otherwise now. Write a new one instead."""


class RebuildRunning(Exception):
    """Another rebuild, or a migration, is changing the tables."""
