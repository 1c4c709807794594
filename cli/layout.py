"""What lies where in the data directory of a local stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Longer than DRAIN_S: a service that is told to stop ends by itself.
SERVICE_GRACE_S = 20.0
SERVER_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        """Return the file that is locked while a stack uses the directory."""
        return self.root / "lock"

    @property
    def stack(self) -> Path:
        """Return the file that tells other commands how to reach the stack."""
        return self.root / "stack.json"

    @property
    def services(self) -> Path:
        """Return the directory of the services' pid files."""
        return self.root / "run" / "services"

    @property
    def servers(self) -> Path:
        """Return the directory of the pid files of Valkey and PostgreSQL."""
        return self.root / "run" / "servers"

    @property
    def logs(self) -> Path:
        """Return the directory of everybody's log files."""
        return self.root / "logs"

    @property
    def valkey(self) -> Path:
        """Return Valkey's data."""
        return self.root / "valkey"

    @property
    def postgres(self) -> Path:
        """Return PostgreSQL's data."""
        return self.root / "postgres"

    @property
    def prometheus(self) -> Path:
        """Return Prometheus's configuration and data."""
        return self.root / "prometheus"

    def make(self) -> None:
        """Create the directories that are missing."""
        for path in (self.services, self.servers, self.logs, self.valkey, self.prometheus):
            path.mkdir(parents=True, exist_ok=True)
